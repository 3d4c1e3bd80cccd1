{#-
    Runs statements of a hook, committed, while the hook is rendered: where one fails,
    dbt stops with what the database said. Of a hook whose own SQL fails it goes on, or
    stops with another error (`dbt build` with exposures, dbt 1.11).
-#}
{% macro done_at_once(statements) -%}
    {%- if statements -%}
        {#- dbt begins a transaction before it, and rolls one back at the hook's end. -#}
        {%- call statement("done_at_once") -%}
            {{ (statements + ["commit", "begin"]) | join(";\n") }}
        {%- endcall -%}
    {%- endif -%}
{%- endmacro %}
