{#- Each user is wholly in one of train, validation and test of a user_hash split. -#}

select
    assignments.tenant_id,
    assignments.split_name,
    assignments.user_id,
    count(distinct assignments.split) as split_count

from {{ ref('split_assignments') }} as assignments

inner join {{ ref('splits') }} as splits
    on assignments.tenant_id = splits.tenant_id
    and assignments.split_name = splits.split_name

where splits.method = 'user_hash'

group by
    assignments.tenant_id,
    assignments.split_name,
    assignments.user_id

having count(distinct assignments.split) > 1
