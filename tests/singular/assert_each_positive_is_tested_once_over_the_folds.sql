{#- Over the folds of a k_fold, each positive that is kept is test exactly once. -#}

select
    assignments.tenant_id,
    assignments.split_name,
    assignments.interaction_id,
    count(*) as fold_count,
    count(*) filter (where assignments.split = 'test') as test_count

from {{ ref('split_assignments') }} as assignments

inner join {{ ref('splits') }} as splits
    on assignments.tenant_id = splits.tenant_id
    and assignments.split_name = splits.split_name

where splits.method = 'k_fold'

group by
    assignments.tenant_id,
    assignments.split_name,
    assignments.interaction_id,
    splits.fold_count

having
    count(*) != splits.fold_count
    or count(*) filter (where assignments.split = 'test') != 1
