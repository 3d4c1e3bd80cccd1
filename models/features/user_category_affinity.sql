{#-
    One row per tenant, user and category: how much the user has to do with it. An
    interaction with an item of several categories counts in each of them, and so the
    weights of a user's categories can exceed the weight of the interactions.
-#}

with

interactions as (
    select * from {{ ref('interactions') }}
),

tenants as (
    select
        tenant_id,
        last_interacted_at
    from {{ ref('tenants') }}
),

item_categories as (
    select
        item_key,
        {{ rows_of("list_distinct(categories)") }} as category
    from {{ ref('items') }}
),

category_weights as (

    select
        interactions.user_key,
        item_categories.category,
        any_value(interactions.tenant_id) as tenant_id,
        any_value(interactions.user_id) as user_id,
        count(*) as interaction_count,
        count(*) filter (where interactions.is_positive) as positive_count,
        {{ sum_of_millionths('interactions.event_weight') }} as weight_millionths,
        max(interactions.interacted_at) as last_interacted_at

    from interactions

    inner join item_categories using (item_key)

    group by all

),

user_weights as (
    select
        user_key,
        sum(weight_millionths) as weight_millionths
    from category_weights
    group by user_key
),

affinities as (

    select
        category_weights.tenant_id,
        category_weights.user_id,
        category_weights.category,
        category_weights.interaction_count,
        category_weights.positive_count,
        category_weights.weight_millionths / 1000000 as affinity_weight,
        category_weights.weight_millionths
        / nullif(user_weights.weight_millionths, 0) as affinity_share,
        row_number() over (
            partition by category_weights.user_key
            order by
                category_weights.weight_millionths desc,
                category_weights.interaction_count desc,
                category_weights.category asc
        ) as category_rank,
        category_weights.last_interacted_at,
        {{ first_instant_after('tenants.last_interacted_at') }} as as_of

    from category_weights

    inner join user_weights using (user_key)

    left join tenants
        on category_weights.tenant_id = tenants.tenant_id

)

select * from affinities
