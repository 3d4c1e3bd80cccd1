{#-
    Leakage: in every fold of every split that cuts by time, all of train lies before all
    of validation, and that before all of test.
-#}

with

bounds as (

    select
        assignments.tenant_id,
        assignments.split_name,
        assignments.fold,
        max(assignments.interacted_at) filter (where assignments.split = 'train')
            as train_last_at,
        min(assignments.interacted_at) filter (where assignments.split = 'validation')
            as validation_first_at,
        max(assignments.interacted_at) filter (where assignments.split = 'validation')
            as validation_last_at,
        min(assignments.interacted_at) filter (where assignments.split = 'test')
            as test_first_at

    from {{ ref('split_assignments') }} as assignments

    inner join {{ ref('splits') }} as splits
        on assignments.tenant_id = splits.tenant_id
        and assignments.split_name = splits.split_name

    where splits.method in ('global_time', 'rolling_window')

    group by
        assignments.tenant_id,
        assignments.split_name,
        assignments.fold

)

select
    tenant_id,
    split_name,
    fold,
    train_last_at,
    validation_first_at,
    validation_last_at,
    test_first_at

from bounds

where
    train_last_at >= validation_first_at
    or train_last_at >= test_first_at
    or validation_last_at >= test_first_at
