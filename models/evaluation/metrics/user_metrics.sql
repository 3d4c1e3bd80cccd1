{#-
    One row per tenant, split, fold, model, version, set of candidates, user, metric and
    k: every metric that one user's list or ratings have a value of, for tests of
    significance. A view: the tables below it hold a column for each metric, and a query
    of one metric reads that column alone.
-#}

{%- set metrics_of = {
    "user_ranking_metrics": ["precision", "recall", "ndcg", "mrr", "map", "hit_rate"],
    "user_list_metrics": ["novelty", "diversity", "popularity_bias"],
    "user_rating_metrics": ["rmse", "mae", "mse"],
} %}

with
{% for relation in metrics_of %}
{{ relation }} as {{ inlined() }} (

    select * from {{ ref(relation) }}

),
{% endfor %}
user_metrics as (
    {%- for relation, metrics in metrics_of.items() %}
    {%- set outer_loop = loop %}
    {%- for metric in metrics %}
    {{ "union all" if not (outer_loop.first and loop.first) }}

    select
        tenant_id,
        user_id,
        split_name,
        model,
        model_version,
        {{ "'full'" if relation == "user_rating_metrics" else "candidates" }}
            as candidates,
        '{{ metric }}' as metric,
        {{ "cast(null as bigint)" if relation == "user_rating_metrics" else "k" }} as k,
        fold,
        {{ metric }} as value

    from {{ relation }}
    {%- if relation == "user_list_metrics" %}

    where {{ metric }} is not null
    {%- endif %}
    {%- endfor %}
    {%- endfor %}

)

select * from user_metrics
