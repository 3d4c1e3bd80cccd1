{#-
    A bucket's part of the population stability index, the sum over the buckets of
    (q - p) ln(q / p), with p the bucket's share before and q its share now (Siddiqi 2006, Credit
    Risk Scorecards). Half a row is added to every bucket, so that an empty one is no
    infinity.
-#}
{% macro population_stability(
    baseline_count, baseline_total, current_count, current_total, buckets
) -%}
    {%- set before = (
        "((" ~ baseline_count ~ " + 0.5) / (" ~ baseline_total ~ " + 0.5 * " ~ buckets ~ "))"
    ) -%}
    {%- set now = (
        "((" ~ current_count ~ " + 0.5) / (" ~ current_total ~ " + 0.5 * " ~ buckets ~ "))"
    ) -%}
    ({{ now }} - {{ before }}) * ln({{ now }} / {{ before }})
{%- endmacro %}
