{#-
    No ranking baseline recommends what the user has a positive of in train, except
    last_seen, which recommends nothing else.
-#}

with

baseline_recommendations as (

    select
        tenant_id,
        user_id,
        item_id,
        split_name,
        model,
        fold

    from {{ ref('baseline_recommendations') }}

),

train_pairs as (

    select
        tenant_id,
        user_id,
        item_id,
        split_name,
        fold

    from {{ ref('split_assignments') }}

    where split = 'train'

    group by all

),

wrong_recommendations as (

    select baseline_recommendations.*

    from baseline_recommendations

    left join train_pairs
        on baseline_recommendations.tenant_id = train_pairs.tenant_id
        and baseline_recommendations.user_id = train_pairs.user_id
        and baseline_recommendations.item_id = train_pairs.item_id
        and baseline_recommendations.split_name = train_pairs.split_name
        and baseline_recommendations.fold = train_pairs.fold

    where
        (train_pairs.item_id is null) = (baseline_recommendations.model = 'last_seen')

)

select * from wrong_recommendations
