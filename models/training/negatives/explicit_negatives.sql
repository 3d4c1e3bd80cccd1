{#-
    One row per interaction that is itself a negative: a dislike, a rating at or below the
    tenant's negative_rating_maximum, or an impression after which the user never turned
    to the item. Users and items that the tenant's first split does not keep are left
    out.

    Its split keeps it from telling a model what comes later. Where the first split cuts by
    time, it is the split of the tenant's newest positive at or before it (of the first
    positive, where it is older than all). Else it is the split of the user's first
    positive at or after it, or of the last one where none follows.
-#}

with

interactions as {{ inlined() }} (
    select * from {{ ref('interactions') }}
),

splits as (
    select * from {{ ref('splits') }}
    where is_first_split
),

dropped_items as (
    select
        split_number,
        entity_key as item_key
    from {{ ref('core_dropouts') }}
    where entity = 'item'
),

positives as {{ inlined() }} (
    select * from {{ ref('positives') }}
),

last_positives as (
    select
        user_key,
        item_key,
        max(interaction_order) as last_order
    from interactions
    where is_positive
    group by all
),

negative_interactions as (
    select
        interactions.*,
        splits.split_number,
        splits.is_by_time
    from interactions
    inner join splits
        on interactions.tenant_id = splits.tenant_id
    where interactions.negative_kind is not null
),

unanswered_interactions as (
    select negative_interactions.*
    from negative_interactions
    left join last_positives using (user_key, item_key)
    where
        negative_interactions.negative_kind != 'impression'
        or last_positives.last_order is null
        or last_positives.last_order < negative_interactions.interaction_order
),

user_ends as (
    select
        user_key,
        max(interaction_order) as last_order
    from positives
    group by user_key
),

kept_interactions as (
    select
        unanswered_interactions.*,
        least(unanswered_interactions.interaction_order, user_ends.last_order)
            as order_before_end
    from unanswered_interactions
    inner join user_ends using (user_key)
    anti join dropped_items using (split_number, item_key)
),

split_starts as (
    select
        tenant_id,
        split,
        min(interacted_at) as first_interacted_at
    from positives
    group by all
),

split_by_time as (
    select
        kept_interactions.*,
        coalesce(split_starts.split, 'train') as split
    from kept_interactions
    asof left join split_starts
        on kept_interactions.tenant_id = split_starts.tenant_id
        and kept_interactions.interacted_at >= split_starts.first_interacted_at
    where kept_interactions.is_by_time
),

split_by_order as (
    select
        kept_interactions.*,
        positives.split
    from kept_interactions
    asof inner join positives
        on kept_interactions.user_key = positives.user_key
        and kept_interactions.order_before_end <= positives.interaction_order
    where not kept_interactions.is_by_time
),

split_interactions as (

    select * from split_by_time
    union all
    select * from split_by_order

),

explicit_negatives as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        event_type,
        negative_kind,
        split,
        interaction_order,
        interacted_at

    from split_interactions

)

select * from explicit_negatives
