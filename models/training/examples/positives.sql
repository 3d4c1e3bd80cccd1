{#-
    One row per positive interaction that the tenant's first split keeps, with its split
    there. Of a first split with folds it is fold 1 (k_fold) or the last window
    (rolling_window), which keep every positive that the k-core filter leaves.
-#}

with

splits as (
    select
        tenant_id,
        main_fold
    from {{ ref('splits') }}
    where is_first_split
),

split_assignments as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        event_type,
        split,
        user_key,
        item_key,
        event_weight,
        fold,
        interaction_order,
        interacted_at

    from {{ ref('split_assignments') }}

    where is_first_split

),

positives as (
    select split_assignments.* exclude (fold)
    from split_assignments
    inner join splits
        on split_assignments.tenant_id = splits.tenant_id
        and split_assignments.fold = splits.main_fold
)

select * from positives
