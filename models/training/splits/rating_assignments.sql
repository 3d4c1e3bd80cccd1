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

splits as (

    select
        tenant_id,
        split_name,
        main_fold,
        minimum_user_positives,
        minimum_item_positives

    from {{ ref('splits') }}

    where minimum_user_positives is not null or minimum_item_positives is not null

),

split_assignments as (

    select
        tenant_id,
        user_id,
        item_id,
        split_name,
        fold

    from {{ ref('split_assignments') }}

),

-- The main fold has every positive that a k-core filter keeps.

core_positives as {{ inlined() }} (

    select
        split_assignments.tenant_id,
        split_assignments.split_name,
        split_assignments.user_id,
        split_assignments.item_id

    from split_assignments

    inner join splits
        on split_assignments.tenant_id = splits.tenant_id
        and split_assignments.split_name = splits.split_name
        and split_assignments.fold = splits.main_fold

),

core_users as (

    select
        tenant_id,
        split_name,
        user_id

    from core_positives

    group by all

),

core_items as (

    select
        tenant_id,
        split_name,
        item_id

    from core_positives

    group by all

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

    left join splits
        on split_cuts.tenant_id = splits.tenant_id
        and split_cuts.split_name = splits.split_name

    left join core_users
        on split_cuts.tenant_id = core_users.tenant_id
        and split_cuts.split_name = core_users.split_name
        and interactions.user_id = core_users.user_id

    left join core_items
        on split_cuts.tenant_id = core_items.tenant_id
        and split_cuts.split_name = core_items.split_name
        and interactions.item_id = core_items.item_id

    where
        (splits.minimum_user_positives is null or core_users.user_id is not null)
        and (splits.minimum_item_positives is null or core_items.item_id is not null)
        and (
            split_cuts.test_until is null
            or interactions.interacted_at <= split_cuts.test_until
        )

)

select * from rating_assignments
