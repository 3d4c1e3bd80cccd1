{#-
    One row per tenant, user and category: how much the user has to do with it. An
    interaction with an item of several categories counts in each of them, and so the
    weights of a user's categories can exceed the weight of the interactions.
-#}

with

interactions as (

    select
        tenant_id,
        user_id,
        item_id,
        event_weight,
        is_positive,
        interacted_at

    from {{ ref('interactions') }}

),

items as (

    select
        tenant_id,
        item_id,
        categories

    from {{ ref('items') }}

),

tenants as (

    select
        tenant_id,
        last_interacted_at

    from {{ ref('tenants') }}

),

item_categories as (

    select
        tenant_id,
        item_id,
        unnest(list_distinct(categories)) as category

    from items

),

category_weights as (

    select
        interactions.tenant_id,
        interactions.user_id,
        item_categories.category,
        count(*) as interaction_count,
        count(*) filter (where interactions.is_positive) as positive_count,
        {{ sum_of_millionths('interactions.event_weight') }} as weight_millionths,
        max(interactions.interacted_at) as last_interacted_at

    from interactions

    inner join item_categories
        on interactions.tenant_id = item_categories.tenant_id
        and interactions.item_id = item_categories.item_id

    group by
        interactions.tenant_id,
        interactions.user_id,
        item_categories.category

),

user_weights as (

    select
        tenant_id,
        user_id,
        sum(weight_millionths) as weight_millionths

    from category_weights

    group by
        tenant_id,
        user_id

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
            partition by category_weights.tenant_id, category_weights.user_id
            order by
                category_weights.weight_millionths desc,
                category_weights.interaction_count desc,
                category_weights.category asc
        ) as category_rank,
        category_weights.last_interacted_at,
        {{ first_instant_after('tenants.last_interacted_at') }} as as_of

    from category_weights

    inner join user_weights
        on category_weights.tenant_id = user_weights.tenant_id
        and category_weights.user_id = user_weights.user_id

    left join tenants
        on category_weights.tenant_id = tenants.tenant_id

)

select * from affinities
