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
    select * from {{ ref('interactions') }}
    where rating is not null
),

split_cuts as (
    select * from {{ ref('split_cuts') }}
),

user_cuts as (
    select * from {{ ref('user_cuts') }}
),

splits as (
    select * from {{ ref('splits') }}
    where minimum_user_positives is not null or minimum_item_positives is not null
),

-- The main fold has every positive that a k-core filter keeps.

core_positives as {{ inlined() }} (
    select
        split_number,
        split_assignments.user_key,
        split_assignments.item_key
    from {{ ref('split_assignments') }} as split_assignments
    inner join splits using (split_number)
    where split_assignments.fold = splits.main_fold
),

core_users as (
    select
        split_number,
        user_key
    from core_positives
    group by all
),

core_items as (
    select
        split_number,
        item_key
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
        split_cuts.split_number,
        interactions.user_key,
        interactions.item_key,
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
        on split_cuts.split_number = user_cuts.split_number
        and interactions.user_key = user_cuts.user_key

    left join splits
        on split_cuts.split_number = splits.split_number

    left join core_users
        on split_cuts.split_number = core_users.split_number
        and interactions.user_key = core_users.user_key

    left join core_items
        on split_cuts.split_number = core_items.split_number
        and interactions.item_key = core_items.item_key

    where
        (splits.minimum_user_positives is null or core_users.user_key is not null)
        and (splits.minimum_item_positives is null or core_items.item_key is not null)
        and (
            split_cuts.test_until is null
            or interactions.interacted_at <= split_cuts.test_until
        )

)

select * from rating_assignments
