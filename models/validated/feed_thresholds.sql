{#-
    One row per tenant, source, entity and dimension with a threshold: the tenant's own
    before that of `*`, and one of the entity before that of all. `acceptance` and
    the rules of contracts have the tenant's gate_mostly.
-#}
-- depends_on: {{ ref('tenant_settings') }}

with

feeds as (
    select
        tenant_id,
        source,
        entity
    from {{ ref('stg_winnow__loaded_files') }}
    group by all
),

settled_feeds as (
    select
        tenant_id,
        source,
        entity,
        {{ tenant_setting('gate_mostly') }} as gate_mostly,
        coalesce({{ tenant_setting('gate_minimum') }}, 3) as minimum_count
    from feeds
),

quality_thresholds as (
    select
        tenant_id,
        entity,
        dimension,
        threshold,
        severity
    from {{ ref('quality_thresholds') }}
),

ranked as (

    select
        settled_feeds.tenant_id,
        settled_feeds.source,
        settled_feeds.entity,
        quality_thresholds.dimension,
        quality_thresholds.severity,
        quality_thresholds.threshold,
        settled_feeds.minimum_count,
        row_number() over (
            partition by
                settled_feeds.tenant_id,
                settled_feeds.source,
                settled_feeds.entity,
                quality_thresholds.dimension
            order by
                quality_thresholds.tenant_id = '*' asc,
                quality_thresholds.entity = '*' asc
        ) as threshold_rank

    from settled_feeds

    inner join quality_thresholds
        on quality_thresholds.tenant_id in (settled_feeds.tenant_id, '*')
        and quality_thresholds.entity in (settled_feeds.entity, '*')

),

feed_thresholds as (

    select
        tenant_id,
        source,
        entity,
        dimension,
        severity,
        threshold,
        minimum_count

    from ranked

    where threshold_rank = 1

    union all

    select
        tenant_id,
        source,
        entity,
        'acceptance' as dimension,
        'error' as severity,
        gate_mostly as threshold,
        minimum_count

    from settled_feeds

)

select * from feed_thresholds
