{#-
    Of each user, leave-last-out holds out exactly as many positives as the split says, or
    none where none would be left for train, and they are the last ones.
-#}

with

users as (

    select
        tenant_id,
        split_name,
        user_id,
        count(*) as positive_count,
        count(*) filter (where split = 'validation') as validation_count,
        count(*) filter (where split = 'test') as test_count,
        max(interaction_order) filter (where split = 'train') as train_last,
        min(interaction_order) filter (where split = 'validation') as validation_first,
        max(interaction_order) filter (where split = 'validation') as validation_last,
        min(interaction_order) filter (where split = 'test') as test_first

    from {{ ref('split_assignments') }}

    group by
        tenant_id,
        split_name,
        user_id

)

select
    users.tenant_id,
    users.split_name,
    users.user_id,
    users.positive_count,
    users.validation_count,
    users.test_count

from users

inner join {{ ref('splits') }} as splits
    on users.tenant_id = splits.tenant_id
    and users.split_name = splits.split_name

where
    splits.method = 'leave_last_out'
    and (
        users.train_last is null
        or users.train_last >= users.validation_first
        or users.train_last >= users.test_first
        or users.validation_last >= users.test_first
        or case
            when users.positive_count <= splits.validation_count + splits.test_count
                then users.validation_count + users.test_count > 0
            else
                users.validation_count != splits.validation_count
                or users.test_count != splits.test_count
        end
    )
