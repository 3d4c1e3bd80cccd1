{{ config(materialized='view') }}

{#-
    One row per tenant, split, fold and rated interaction that is kept in it, positive or
    not: whether it is train, validation or test there. Errors of predicted ratings need
    all ratings, and training.split_assignments has the positives only; the others are put
    on the same sides of the same cuts. A view, because its readers want one side each and
    few columns.
-#}

with

interactions as {{ inlined() }} (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        rating,
        interaction_order,
        is_positive,
        interacted_at

    from {{ ref('interactions') }}

    where rating is not null

),

split_cuts as (

    select
        tenant_id,
        split_name,
        method,
        fold,
        fold_count,
        is_first_split,
        is_main,
        is_by_time,
        train_until,
        validation_until,
        test_until

    from {{ ref('split_cuts') }}

),

user_cuts as (

    select
        tenant_id,
        user_id,
        split_name,
        split,
        train_until,
        validation_until

    from {{ ref('user_cuts') }}

),

core_dropouts as (

    select
        tenant_id,
        split_name,
        entity,
        entity_id

    from {{ ref('core_dropouts') }}

),

dropped_users as (

    select
        tenant_id,
        split_name,
        entity_id as user_id

    from core_dropouts

    where entity = 'user'

),

dropped_items as (

    select
        tenant_id,
        split_name,
        entity_id as item_id

    from core_dropouts

    where entity = 'item'

),

rating_assignments as (

    select
        interactions.tenant_id,
        interactions.interaction_id,
        interactions.user_id,
        interactions.item_id,
        split_cuts.split_name,
        {{ interaction_split('interactions', 'split_cuts', 'user_cuts') }} as split,
        split_cuts.fold,
        interactions.rating,
        interactions.interaction_order,
        split_cuts.is_first_split,
        split_cuts.is_main,
        interactions.is_positive,
        interactions.interacted_at

    from interactions

    inner join split_cuts
        on interactions.tenant_id = split_cuts.tenant_id

    left join user_cuts
        on split_cuts.tenant_id = user_cuts.tenant_id
        and split_cuts.split_name = user_cuts.split_name
        and interactions.user_id = user_cuts.user_id

    left join dropped_users
        on split_cuts.tenant_id = dropped_users.tenant_id
        and split_cuts.split_name = dropped_users.split_name
        and interactions.user_id = dropped_users.user_id

    left join dropped_items
        on split_cuts.tenant_id = dropped_items.tenant_id
        and split_cuts.split_name = dropped_items.split_name
        and interactions.item_id = dropped_items.item_id

    where
        dropped_users.user_id is null
        and dropped_items.item_id is null
        and (
            split_cuts.test_until is null
            or interactions.interacted_at <= split_cuts.test_until
        )

)

select * from rating_assignments
