{#-
    No ranking baseline recommends what the user has a positive of in train, unless the
    tenant sets recommend_seen_items; last_seen recommends nothing else.
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

metric_settings as (

    select
        tenant_id,
        recommend_seen_items

    from {{ ref('metric_settings') }}

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

    inner join metric_settings
        on baseline_recommendations.tenant_id = metric_settings.tenant_id

    left join train_pairs
        on baseline_recommendations.tenant_id = train_pairs.tenant_id
        and baseline_recommendations.user_id = train_pairs.user_id
        and baseline_recommendations.item_id = train_pairs.item_id
        and baseline_recommendations.split_name = train_pairs.split_name
        and baseline_recommendations.fold = train_pairs.fold

    where
        case
            when baseline_recommendations.model = 'last_seen'
                then train_pairs.item_id is null
            else
                train_pairs.item_id is not null
                and not metric_settings.recommend_seen_items
        end

)

select * from wrong_recommendations
