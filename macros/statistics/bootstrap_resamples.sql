{#- The variable `bootstrap_resamples`, once it is known to be a number that serves. -#}
{% macro bootstrap_resamples() %}
    {%- set resamples = var("bootstrap_resamples") -%}
    {%- if resamples is not integer or resamples < 100 or resamples > 100000 -%}
        {{ exceptions.raise_compiler_error(
            "bootstrap_resamples must be a whole number from 100 to 100000, not '"
            ~ resamples ~ "'"
        ) }}
    {%- endif -%}
    {{- return(resamples) -}}
{% endmacro %}
