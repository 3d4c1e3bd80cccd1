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

interactions as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        event_type,
        negative_kind,
        interaction_order,
        is_positive,
        interacted_at

    from {{ ref('interactions') }}

),

splits as (

    select
        tenant_id,
        split_name,
        is_by_time

    from {{ ref('splits') }}

    where is_first_split

),

core_dropouts as (

    select
        tenant_id,
        split_name,
        entity_id as item_id

    from {{ ref('core_dropouts') }}

    where entity = 'item'

),

positives as (

    select
        tenant_id,
        user_id,
        split,
        interaction_order,
        interacted_at

    from {{ ref('positives') }}

),

last_positives as (

    select
        tenant_id,
        user_id,
        item_id,
        max(interaction_order) as interaction_order

    from interactions

    where is_positive

    group by
        tenant_id,
        user_id,
        item_id

),

negative_interactions as (

    select
        interactions.*,
        splits.split_name,
        splits.is_by_time

    from interactions

    inner join splits
        on interactions.tenant_id = splits.tenant_id

    where interactions.negative_kind is not null

),

unanswered_interactions as (

    select negative_interactions.*

    from negative_interactions

    left join last_positives
        on negative_interactions.tenant_id = last_positives.tenant_id
        and negative_interactions.user_id = last_positives.user_id
        and negative_interactions.item_id = last_positives.item_id

    where
        negative_interactions.negative_kind != 'impression'
        or last_positives.interaction_order is null
        or last_positives.interaction_order < negative_interactions.interaction_order

),

user_ends as (

    select
        tenant_id,
        user_id,
        max(interaction_order) as last_order

    from positives

    group by
        tenant_id,
        user_id

),

kept_interactions as (

    select
        unanswered_interactions.*,
        least(unanswered_interactions.interaction_order, user_ends.last_order)
            as order_before_end

    from unanswered_interactions

    inner join user_ends
        on unanswered_interactions.tenant_id = user_ends.tenant_id
        and unanswered_interactions.user_id = user_ends.user_id

    anti join core_dropouts
        on unanswered_interactions.tenant_id = core_dropouts.tenant_id
        and unanswered_interactions.split_name = core_dropouts.split_name
        and unanswered_interactions.item_id = core_dropouts.item_id

),

split_starts as (

    select
        tenant_id,
        split,
        min(interacted_at) as first_interacted_at

    from positives

    group by
        tenant_id,
        split

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
        on kept_interactions.tenant_id = positives.tenant_id
        and kept_interactions.user_id = positives.user_id
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
