{#-
    Which way a metric is better: `higher`, `lower`, or null where neither is (a list
    may be too diverse). Metrics that are not known here have no direction.
-#}
{% macro metric_direction(metric) -%}
    {%- set metric = checked_expression("metric_direction", "metric", metric) -%}
    case
        when {{ metric }} in ('rmse', 'mae', 'mse') then 'lower'
        when
            {{ metric }} in (
                'precision', 'recall', 'ndcg', 'mrr', 'map', 'hit_rate'
            )
            then 'higher'
    end
{%- endmacro %}
