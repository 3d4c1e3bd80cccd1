{#-
    The last instant of a window of a rolling back-test, which is also the last instant of
    train for the window after it: the last window ends with `last_at`, each one before
    it `window_days` earlier. Window 0 ends where the first one begins.
-#}
{% macro window_end(last_at, window, window_count, window_days) -%}
    {%- set last_at = checked_expression("window_end", "last_at", last_at) -%}
    {%- set window = checked_expression("window_end", "window", window) -%}
    {%- set window_count = checked_expression(
        "window_end", "window_count", window_count
    ) -%}
    {%- set window_days = checked_expression(
        "window_end", "window_days", window_days
    ) -%}
    {{ last_at }}
    - ({{ window_count }} - ({{ window }})) * {{ window_days }} * interval '1 day'
{%- endmacro %}
