{#-
    One row per tenant, source, entity, variable and bucket: interactions of the newest load
    beside those of all loads before it. Sources that have loaded once are left out.
    Buckets: the event type; the rating as tenth of the range that ratings had; the item's
    popularity as the tenth of the earlier interactions that it belongs to, from the
    rarest items to the most popular, or `new`.
-#}

{%- set feed = ['tenant_id', 'source', 'entity'] %}

with

interactions as (
    select
        tenant_id,
        source,
        entity,
        item_id,
        event_type,
        load_id,
        rating
    from {{ ref('interactions') }}
),

load_counts as (

    select
        tenant_id,
        source,
        entity,
        load_id,
        row_number() over (
            partition by {{ feed | join(", ") }}
            order by loaded_at desc, load_id desc
        ) as load_rank,
        count(*) over (partition by {{ feed | join(", ") }}) as load_count

    from {{ ref('load_counts') }}

    where
        landed_count > 0
        and verdict != 'held'

),

compared_interactions as (

    select
        interactions.tenant_id,
        interactions.source,
        interactions.entity,
        interactions.item_id,
        interactions.event_type,
        interactions.rating,
        load_counts.load_rank = 1 as is_current

    from interactions

    inner join load_counts
        on interactions.tenant_id = load_counts.tenant_id
        and interactions.source = load_counts.source
        and interactions.entity = load_counts.entity
        and interactions.load_id = load_counts.load_id

    where load_counts.load_count > 1

),

item_counts as (
    select
        {{ feed | join(", ") }},
        item_id,
        count(*) filter (not is_current) as baseline_count,
        count(*) filter (is_current) as current_count
    from compared_interactions
    group by all
),

summed_items as (
    select
        *,
        sum(baseline_count) over (
            partition by {{ feed | join(", ") }}
            order by baseline_count asc, item_id asc
            rows between unbounded preceding and current row
        ) as baseline_until,
        sum(baseline_count) over (partition by {{ feed | join(", ") }})
            as baseline_total
    from item_counts
),

item_buckets as (

    select
        {{ feed | join(", ") }},
        'item_popularity' as variable,
        case
            when baseline_count = 0 then 'new'
            else
                'tenth ' || cast(
                    cast(
                        1 + floor(
                            10 * (baseline_until - 0.5 * baseline_count)
                            / baseline_total
                        ) as bigint
                    ) as varchar
                )
        end as bucket,
        baseline_count,
        current_count

    from summed_items

),

event_type_buckets as (
    select
        {{ feed | join(", ") }},
        'event_type' as variable,
        event_type as bucket,
        count(*) filter (not is_current) as baseline_count,
        count(*) filter (is_current) as current_count
    from compared_interactions
    group by
        {{ feed | join(", ") }},
        event_type
),

rating_ranges as (
    select
        {{ feed | join(", ") }},
        min(rating) as lowest,
        max(rating) as highest
    from compared_interactions
    where not is_current
    group by {{ feed | join(", ") }}
),

rating_buckets as (

    select
        compared_interactions.tenant_id,
        compared_interactions.source,
        compared_interactions.entity,
        'rating' as variable,
        case
            when compared_interactions.rating < rating_ranges.lowest then 'below'
            when compared_interactions.rating > rating_ranges.highest then 'above'
            else
                'tenth ' || cast(
                    cast(
                        least(
                            10,
                            1 + floor(
                                10
                                * (compared_interactions.rating - rating_ranges.lowest)
                                / nullif(
                                    rating_ranges.highest - rating_ranges.lowest, 0
                                )
                            )
                        ) as bigint
                    ) as varchar
                )
        end as bucket,
        count(*) filter (not compared_interactions.is_current) as baseline_count,
        count(*) filter (compared_interactions.is_current) as current_count

    from compared_interactions

    inner join rating_ranges
        on compared_interactions.tenant_id = rating_ranges.tenant_id
        and compared_interactions.source = rating_ranges.source
        and compared_interactions.entity = rating_ranges.entity

    where compared_interactions.rating is not null

    group by all

),

buckets as (

    select * from event_type_buckets
    union all
    select * from rating_buckets
    union all
    select * from item_buckets

),

bucket_counts as (
    select
        {{ feed | join(", ") }},
        variable,
        coalesce(bucket, 'only') as bucket,
        cast(sum(baseline_count) as bigint) as baseline_count,
        cast(sum(current_count) as bigint) as current_count
    from buckets
    group by all
),

totals as (
    select
        *,
        sum(baseline_count) over of_variable as baseline_total,
        sum(current_count) over of_variable as current_total,
        count(*) over of_variable as bucket_count
    from bucket_counts
    window of_variable as (partition by {{ feed | join(", ") }}, variable)
),

drift as (

    select
        {{ feed | join(", ") }},
        variable,
        bucket,
        baseline_count,
        current_count,
        round(
            {{ population_stability(
                'baseline_count',
                'baseline_total',
                'current_count',
                'current_total',
                'bucket_count'
            ) }},
            9
        ) as stability_index

    from totals

)

select * from drift
