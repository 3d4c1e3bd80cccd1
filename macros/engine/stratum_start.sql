{#-
    Where a stratum of [0, size) begins, of `strata` strata numbered from 0; it ends where
    the next one begins. Whole numbers only: the strata differ in size by one at most,
    and cover [0, size) without gap or overlap.
-#}
{% macro stratum_start(stratum, strata, size) %}
    {%- set stratum = checked_expression("stratum_start", "stratum", stratum) -%}
    {%- set strata = checked_expression("stratum_start", "strata", strata) -%}
    {%- set size = checked_expression("stratum_start", "size", size) -%}
    {{- return(adapter.dispatch("stratum_start", "winnow")(stratum, strata, size)) -}}
{% endmacro %}

{% macro default__stratum_start(stratum, strata, size) -%}
    ((({{ stratum }}) * ({{ size }})) // ({{ strata }}))
{%- endmacro %}

{% macro spark__stratum_start(stratum, strata, size) -%}
    ((({{ stratum }}) * ({{ size }})) div ({{ strata }}))
{%- endmacro %}
