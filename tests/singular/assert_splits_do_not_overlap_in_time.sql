{#-
    Leakage: for tenants with times, all of train lies before all of validation, and that
    before all of test.
-#}

with

bounds as (

    select
        positives.tenant_id,
        max(positives.interacted_at) filter (where positives.split = 'train')
            as train_last_at,
        min(positives.interacted_at) filter (where positives.split = 'validation')
            as validation_first_at,
        max(positives.interacted_at) filter (where positives.split = 'validation')
            as validation_last_at,
        min(positives.interacted_at) filter (where positives.split = 'test')
            as test_first_at

    from {{ ref('positives') }} as positives

    inner join {{ ref('tenants') }} as tenants
        on positives.tenant_id = tenants.tenant_id

    where tenants.has_times

    group by positives.tenant_id

)

select
    tenant_id,
    train_last_at,
    validation_first_at,
    validation_last_at,
    test_first_at

from bounds

where
    train_last_at >= validation_first_at
    or train_last_at >= test_first_at
    or validation_last_at >= test_first_at
