{#-
    The k-core filter is at its fixed point: every user and item that is kept has as many
    positives as the split's minimum. The main fold keeps all that the filter leaves.
-#}

with

assignments as (

    select
        assignments.tenant_id,
        assignments.split_name,
        assignments.user_id,
        assignments.item_id,
        splits.minimum_user_positives,
        splits.minimum_item_positives

    from {{ ref('split_assignments') }} as assignments

    inner join {{ ref('splits') }} as splits
        on assignments.tenant_id = splits.tenant_id
        and assignments.split_name = splits.split_name
        and assignments.fold = splits.main_fold

)

select
    tenant_id,
    split_name,
    'user' as entity,
    user_id as entity_id,
    count(*) as positive_count

from assignments

where minimum_user_positives is not null

group by
    tenant_id,
    split_name,
    user_id,
    minimum_user_positives

having count(*) < minimum_user_positives

union all

select
    tenant_id,
    split_name,
    'item' as entity,
    item_id as entity_id,
    count(*) as positive_count

from assignments

where minimum_item_positives is not null

group by
    tenant_id,
    split_name,
    item_id,
    minimum_item_positives

having count(*) < minimum_item_positives
