{#-
    One row per tenant, split, fold and test interaction of a split that is replayed as
    days of traffic: its day. A plan is made by `winnow batches plan` (the variables
    batch_*), of the split's main fold: the test rows are put in the order of a hash and
    dealt out one by one, so that each is on one day and days differ by one row at most.
    What was dealt stays, whatever is loaded later, until it is planned anew or forgotten;
    a build leaves it alone.
-#}

{{ config(
    materialized="incremental",
    incremental_strategy="append",
    full_refresh=false,
    on_schema_change="fail",
    pre_hook="{{ forgotten_batches() }}",
) }}

with

planned_splits as (
    select
        tenant_id,
        split_name,
        main_fold as fold
    from {{ ref('splits') }}
    where {{ is_requested_batch(['plan']) }}
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
        split_assignments.*,
        {{ text_key(
            "'" ~ sampling_seed() ~ "' || chr(31) || 'batches' || chr(31) || "
            ~ "split_assignments.tenant_id || chr(31) "
            ~ "|| split_assignments.interaction_id"
        ) }} as batch_key

    from split_assignments

    inner join planned_splits
        on split_assignments.tenant_id = planned_splits.tenant_id
        and split_assignments.split_name = planned_splits.split_name
        and split_assignments.fold = planned_splits.fold

),

placed_rows as (
    select
        *,
        row_number() over (
            partition by tenant_id, split_name, fold
            order by batch_key asc, interaction_id asc
        ) as place
    from keyed_rows
),

batches as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        split_name,
        fold,
        (place - 1) % {{ batch_request().days }} + 1 as day,
        cast({{ batch_request().days }} as bigint) as day_count,
        interacted_at

    from placed_rows

)

select * from batches
