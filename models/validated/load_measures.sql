{#-
    One row per tenant, source, entity, load and measure that its records and values alone
    give: a rule of the contract, or a dimension of quality. Whether it is short decides
    what of the catalogues the other measures compare with.
-#}

{%- set load_key = ['tenant_id', 'source', 'entity', 'load_id'] %}
{%- set dimensions = {
    'acceptance': ('landed_count', 'failing_count'),
    'completeness': ('required_value_count', 'missing_value_count'),
    'validity': ('given_value_count', 'invalid_value_count'),
    'uniqueness': ('keyed_count', 'repeated_count'),
} %}

with

rule_counts as (
    select * from {{ ref('rule_counts') }}
),

record_counts as (
    select * from {{ ref('record_counts') }}
),

feed_thresholds as (
    select * from {{ ref('feed_thresholds') }}
),

releases as (
    select * from {{ ref('released_loads') }}
),

measured as (

    select
        {{ load_key | join(", ") }},
        'acceptance' as dimension,
        rule as measure,
        checked_count,
        failed_count

    from rule_counts

    {% for dimension, (total, failed) in dimensions.items() -%}
    union all

    select
        {{ load_key | join(", ") }},
        '{{ dimension }}' as dimension,
        '{{ dimension }}' as measure,
        {{ total }} as checked_count,
        {{ failed }} as failed_count

    from record_counts

    where {{ total }} > 0

    {% endfor %}
),

-- A load of which nothing was accepted has nothing that could count. Corrections are
-- left out: what they correct stays rejected.

emptied as (
    select
        {{ load_key | join(", ") }},
        landed_count,
        failing_count
    from record_counts
    where
        accepted_count = 0
        and failing_count > 0
        and not is_correction
),

judged as (

    select
        measured.tenant_id,
        measured.source,
        measured.entity,
        measured.load_id,
        measured.measure,
        measured.checked_count,
        measured.failed_count,
        feed_thresholds.threshold,
        feed_thresholds.severity,
        {{ is_short(
            'measured.checked_count', 'measured.failed_count', 'feed_thresholds'
        ) }} as is_short

    from measured

    left join feed_thresholds
        on measured.tenant_id = feed_thresholds.tenant_id
        and measured.source = feed_thresholds.source
        and measured.entity = feed_thresholds.entity
        and measured.dimension = feed_thresholds.dimension

    union all

    select
        {{ load_key | join(", ") }},
        'anything' as measure,
        landed_count as checked_count,
        failing_count as failed_count,
        cast(null as double) as threshold,
        'error' as severity,
        true as is_short

    from emptied

),

load_measures as (
    select
        judged.*,
        judged.is_short and releases.load_id is null as is_holding
    from judged
    left join releases
        on judged.tenant_id = releases.tenant_id
        and judged.source = releases.source
        and judged.load_id = releases.load_id
)

select * from load_measures
