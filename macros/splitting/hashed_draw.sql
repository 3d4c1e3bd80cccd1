{#-
    A draw in [0, size) for a tenant's user, interaction or other key: md5 of the seed, the
    tenant and the key, and nothing else, so that other keys change nothing.
-#}
{% macro hashed_draw(tenant_id, key, size) -%}
    {%- set tenant_id = checked_expression("hashed_draw", "tenant_id", tenant_id) -%}
    {%- set key = checked_expression("hashed_draw", "key", key) -%}
    {%- set size = checked_expression("hashed_draw", "size", size) -%}
    {{- scaled_draw(
        text_key(
            "'" ~ sampling_seed() ~ "' || chr(31) || " ~ tenant_id
            ~ " || chr(31) || " ~ key
        ),
        size
    ) -}}
{%- endmacro %}
