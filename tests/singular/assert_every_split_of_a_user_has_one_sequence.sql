{#-
    Conservation: every tenant, split method, fold, user and split of the assignments has
    one sequence; histories are as long as they say, and reach as far as the tenant wants.
-#}

with

split_assignments as (

    select
        tenant_id,
        split_name,
        fold,
        user_id,
        split,
        count(*) as positive_count

    from {{ ref('split_assignments') }}

    group by
        tenant_id,
        split_name,
        fold,
        user_id,
        split

),

sequences as (

    select
        sequences.*,
        tenants.sequence_length

    from {{ ref('sequences') }} as sequences

    inner join {{ ref('tenants') }} as tenants
        on sequences.tenant_id = tenants.tenant_id

)

select
    split_assignments.tenant_id,
    split_assignments.split_name,
    split_assignments.fold,
    split_assignments.user_id,
    split_assignments.split,
    sequences.history_length,
    sequences.full_history_length,
    split_assignments.positive_count

from split_assignments

full outer join sequences
    on split_assignments.tenant_id = sequences.tenant_id
    and split_assignments.split_name = sequences.split_name
    and split_assignments.fold = sequences.fold
    and split_assignments.user_id = sequences.user_id
    and split_assignments.split = sequences.split

where
    split_assignments.user_id is null
    or sequences.user_id is null
    or sequences.history_length != len(sequences.item_indexes)
    or sequences.history_length
    != least(sequences.full_history_length, sequences.sequence_length)
    or sequences.full_history_length < split_assignments.positive_count - 1
