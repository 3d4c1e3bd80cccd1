{#-
    Conservation: in every split and fold, the positives that are kept and those that are
    dropped are the tenant's positives. What is dropped is counted anew, from the users
    and items that the k-core filter drops and from the times after a fold's window.
-#}

with

splits as (

    select
        tenant_id,
        split_name,
        window_count,
        window_days

    from {{ ref('splits') }}

),

core_dropouts as (

    select
        tenant_id,
        split_name,
        entity,
        entity_id

    from {{ ref('core_dropouts') }}

),

positives as (

    select
        splits.tenant_id,
        splits.split_name,
        interactions.interacted_at,
        users.entity_id is not null or items.entity_id is not null as is_dropped

    from {{ ref('interactions') }} as interactions

    inner join splits
        on interactions.tenant_id = splits.tenant_id

    left join core_dropouts as users
        on splits.tenant_id = users.tenant_id
        and splits.split_name = users.split_name
        and users.entity = 'user'
        and interactions.user_id = users.entity_id

    left join core_dropouts as items
        on splits.tenant_id = items.tenant_id
        and splits.split_name = items.split_name
        and items.entity = 'item'
        and interactions.item_id = items.entity_id

    where interactions.is_positive

),

positive_counts as (

    select
        tenant_id,
        split_name,
        count(*) as positive_count,
        count(*) filter (where is_dropped) as core_count,
        max(interacted_at) filter (where not is_dropped) as last_at

    from positives

    group by
        tenant_id,
        split_name

),

folds as (

    select
        tenant_id,
        split_name,
        fold,
        cast(sum(positives) as bigint) as kept_count,
        max(dropped_positives) as dropped_count

    from {{ ref('split_statistics') }}

    group by
        tenant_id,
        split_name,
        fold

),

late_counts as (

    select
        folds.tenant_id,
        folds.split_name,
        folds.fold,
        count(*) as late_count

    from folds

    inner join splits
        on folds.tenant_id = splits.tenant_id
        and folds.split_name = splits.split_name

    inner join positive_counts
        on folds.tenant_id = positive_counts.tenant_id
        and folds.split_name = positive_counts.split_name

    inner join positives
        on folds.tenant_id = positives.tenant_id
        and folds.split_name = positives.split_name

    where
        not positives.is_dropped
        and datediff('microsecond', positives.interacted_at, positive_counts.last_at)
        < (splits.window_count - folds.fold) * splits.window_days * 86400000000

    group by
        folds.tenant_id,
        folds.split_name,
        folds.fold

),

recounted as (

    select
        folds.tenant_id,
        folds.split_name,
        folds.fold,
        folds.kept_count,
        folds.dropped_count,
        coalesce(positive_counts.positive_count, 0) as positive_count,
        coalesce(positive_counts.core_count, 0) + coalesce(late_counts.late_count, 0)
            as expected_dropped_count

    from folds

    left join positive_counts
        on folds.tenant_id = positive_counts.tenant_id
        and folds.split_name = positive_counts.split_name

    left join late_counts
        on folds.tenant_id = late_counts.tenant_id
        and folds.split_name = late_counts.split_name
        and folds.fold = late_counts.fold

)

select *

from recounted

where
    kept_count + dropped_count != positive_count
    or dropped_count != expected_dropped_count
