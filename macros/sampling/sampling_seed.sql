{#- The variable `sampling_seed`, once it is known to be a whole number. -#}
{% macro sampling_seed() %}
    {%- set seed = var("sampling_seed") -%}
    {%- if seed is not integer -%}
        {{ exceptions.raise_compiler_error(
            "sampling_seed must be a whole number, not '" ~ seed ~ "'"
        ) }}
    {%- endif -%}
    {{- return(seed) -}}
{% endmacro %}
