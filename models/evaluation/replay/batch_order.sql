{#-
    One row per tenant, split, fold and test interaction of a split's main fold, in the
    order in which `winnow batches plan` deals them to days. The order is that of a hash,
    so that days differ by nothing but chance. A view: a plan is of what the warehouse
    has when it is made.
-#}

{{ config(materialized="view") }}

with

main_folds as (
    select
        tenant_id,
        split_name,
        main_fold as fold
    from {{ ref('splits') }}
),

split_assignments as (
    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        split_name,
        fold,
        interacted_at
    from {{ ref('split_assignments') }}
    where split = 'test'
),

keyed_rows as (
    select
        *,
        {{ text_key(
            "'" ~ sampling_seed() ~ "' || chr(31) || 'batches' || chr(31) || "
            ~ "tenant_id || chr(31) || interaction_id"
        ) }} as batch_key
    from split_assignments
    inner join main_folds using (tenant_id, split_name, fold)
),

batch_order as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        split_name,
        fold,
        row_number() over (
            partition by tenant_id, split_name, fold
            order by batch_key asc, interaction_id asc
        ) as place,
        interacted_at

    from keyed_rows

)

select * from batch_order
