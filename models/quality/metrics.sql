{#-
    One row per tenant, source, entity, dimension and build; rows are only ever added, so
    that trends can be drawn. Measured are the loads that count since the last build in
    which the entity failed nothing, together, and the newest load where there is none
    since. Shares have the ratio form of ISO/IEC 25024, and are null where there is
    nothing to look at: a load without a record says nothing of the others. A share below
    its threshold is a warning here, since what holds a load is its own verdict.

    One model, although long: dimensions are judged against the same thresholds, and
    overall needs all of them.
-#}

{{ config(
    materialized="incremental",
    incremental_strategy="append",
    full_refresh=false,
    on_schema_change="fail",
) }}

{%- set feed = ['tenant_id', 'source', 'entity'] %}
{%- set shares = {
    'acceptance': ('landed_count', 'failing_count'),
    'completeness': ('required_value_count', 'missing_value_count'),
    'validity': ('given_value_count', 'invalid_value_count'),
    'uniqueness': ('keyed_count', 'repeated_count'),
    'consistency': ('checked_count', 'inconsistent_count'),
} %}
{%- set holding_dimensions = "'" ~ shares | join("', '") ~ "'" %}

with

load_counts as (
    select * from {{ ref('load_counts') }}
    where verdict != 'held'
),

load_consistency as (
    select * from {{ ref('load_consistency') }}
),

loaded_files as (
    select * from {{ ref('stg_winnow__loaded_files') }}
),

drift as (
    select * from {{ ref('drift') }}
),

feed_thresholds as (
    select * from {{ ref('feed_thresholds') }}
),

{% if is_incremental() -%}
earlier_builds as (
    select
        {{ feed | join(", ") }},
        build_id,
        max(judged_until) as judged_until,
        bool_or(status = 'failed' and severity = 'error') as has_failed
    from {{ this }}
    group by all
),

passed_builds as (
    select
        {{ feed | join(", ") }},
        max(judged_until) as passed_until
    from earlier_builds
    where not has_failed
    group by {{ feed | join(", ") }}
),
{%- else -%}
passed_builds as (
    select
        {{ feed | join(", ") }},
        cast(null as timestamp) as passed_until
    from load_counts
    where false
),
{%- endif %}

ranked_loads as (
    select
        *,
        row_number() over (
            partition by {{ feed | join(", ") }}
            order by loaded_at desc, load_id desc
        ) as load_rank
    from load_counts
),

judged_loads as (

    select
        ranked_loads.*,
        load_consistency.checked_count,
        load_consistency.inconsistent_count,
        load_consistency.unknown_user_count,
        load_consistency.unknown_item_count,
        load_consistency.after_load_count,
        load_consistency.mistaken_rating_count,
        load_consistency.unviewed_purchase_count,
        load_consistency.newest_event_at

    from ranked_loads

    left join passed_builds
        on ranked_loads.tenant_id = passed_builds.tenant_id
        and ranked_loads.source = passed_builds.source
        and ranked_loads.entity = passed_builds.entity

    left join load_consistency
        on ranked_loads.tenant_id = load_consistency.tenant_id
        and ranked_loads.source = load_consistency.source
        and ranked_loads.entity = load_consistency.entity
        and ranked_loads.load_id = load_consistency.load_id

    where
        ranked_loads.load_rank = 1
        or (
            not ranked_loads.is_replaced
            and ranked_loads.loaded_at
            > coalesce(passed_builds.passed_until, cast('-infinity' as timestamp))
        )

),

judged_feeds as (

    select
        {{ feed | join(", ") }},
        count(*) filter (landed_count = 0) as empty_load_count,
        {% for total, broken in shares.values() -%}
        cast(sum({{ total }}) as bigint) as {{ total }},
        cast(sum({{ broken }}) as bigint) as {{ broken }},
        {% endfor -%}
        cast(sum(unreadable_count) as bigint) as unreadable_count,
        cast(sum(unknown_user_count) as bigint) as unknown_user_count,
        cast(sum(unknown_item_count) as bigint) as unknown_item_count,
        cast(sum(after_load_count) as bigint) as after_load_count,
        cast(sum(mistaken_rating_count) as bigint) as mistaken_rating_count,
        cast(sum(unviewed_purchase_count) as bigint) as unviewed_purchase_count,
        max(loaded_at) as judged_until,
        max(newest_event_at) filter (load_rank = 1) as newest_event_at

    from judged_loads

    group by {{ feed | join(", ") }}

),

{% for dimension, (total, broken) in shares.items() -%}
{{ dimension }} as (

    select
        {{ feed | join(", ") }},
        '{{ dimension }}' as dimension,
        ({{ total }} - {{ broken }}) / nullif({{ total }}, 0) as value,
        {{ total }} - {{ broken }} as kept_count,
        {{ total }} as checked_count,
        to_json(struct_pack(
            {% if dimension == 'completeness' -%}
            unreadable_records := unreadable_count,
            {% elif dimension == 'uniqueness' -%}
            variant := 'accepted records whose key no better record of their load has',
            {% elif dimension == 'consistency' -%}
            unknown_users := unknown_user_count,
            unknown_items := unknown_item_count,
            events_after_their_load := after_load_count,
            ratings_on_other_events := mistaken_rating_count,
            purchases_without_a_view := unviewed_purchase_count,
            {% endif -%}
            empty_loads := empty_load_count
        )) as details,
        {{ total }} > 0 as is_known

    from judged_feeds

    where {{ total }} is not null

),

{% endfor -%}

overall as (

    select
        {{ feed | join(", ") }},
        'overall' as dimension,
        avg(value) as value,
        cast(null as bigint) as kept_count,
        cast(null as bigint) as checked_count,
        to_json(struct_pack(dimensions := count(value))) as details,
        count(value) > 0 as is_known

    from (
        {% for dimension in shares if dimension != 'acceptance' -%}
        select * from {{ dimension }}
        {{ "union all" if not loop.last }}
        {% endfor -%}
    ) as measured_shares

    group by {{ feed | join(", ") }}

),

freshness as (

    select
        {{ feed | join(", ") }},
        'freshness' as dimension,
        greatest(
            epoch({{ build_started_at() }} - judged_until),
            coalesce(epoch(judged_until - newest_event_at), 0)
        ) as value,
        cast(null as bigint) as kept_count,
        cast(null as bigint) as checked_count,
        to_json(struct_pack(
            seconds_since_load := epoch({{ build_started_at() }} - judged_until),
            newest_event_seconds_before_load := epoch(judged_until - newest_event_at)
        )) as details,
        true as is_known

    from judged_feeds

),

waiting_files as (

    select
        judged_loads.tenant_id,
        judged_loads.source,
        judged_loads.entity,
        epoch(loaded_files.loaded_at - loaded_files.received_at) as waited_seconds

    from judged_loads

    inner join loaded_files
        on judged_loads.tenant_id = loaded_files.tenant_id
        and judged_loads.source = loaded_files.source
        and judged_loads.entity = loaded_files.entity
        and judged_loads.load_id = loaded_files.load_id

),

latency as (

    select
        {{ feed | join(", ") }},
        'latency' as dimension,
        quantile_disc(waited_seconds, 0.95) as value,
        cast(null as bigint) as kept_count,
        count(waited_seconds) as checked_count,
        to_json(struct_pack(
            p50 := quantile_disc(waited_seconds, 0.5),
            p95 := quantile_disc(waited_seconds, 0.95),
            max := max(waited_seconds)
        )) as details,
        count(waited_seconds) > 0 as is_known

    from waiting_files

    group by {{ feed | join(", ") }}

),

daily_counts as (
    select
        {{ feed | join(", ") }},
        cast(loaded_at as date) as loaded_on,
        cast(sum(landed_count) as bigint) as landed_count
    from load_counts
    group by
        {{ feed | join(", ") }},
        loaded_on
),

newest_days as (
    select
        {{ feed | join(", ") }},
        max(loaded_on) as loaded_on
    from daily_counts
    group by {{ feed | join(", ") }}
),

volume_histories as (

    select
        daily_counts.tenant_id,
        daily_counts.source,
        daily_counts.entity,
        max(daily_counts.landed_count) filter (
            daily_counts.loaded_on = newest_days.loaded_on
        ) as newest_count,
        count(*) - 1 as earlier_days,
        avg(daily_counts.landed_count) filter (
            daily_counts.loaded_on < newest_days.loaded_on
        ) as mean_count,
        coalesce(
            stddev_samp(daily_counts.landed_count) filter (
                daily_counts.loaded_on < newest_days.loaded_on
            ),
            0
        ) as deviation

    from daily_counts

    inner join newest_days
        on daily_counts.tenant_id = newest_days.tenant_id
        and daily_counts.source = newest_days.source
        and daily_counts.entity = newest_days.entity
        and daily_counts.loaded_on >= newest_days.loaded_on - interval '14 days'

    group by
        daily_counts.tenant_id,
        daily_counts.source,
        daily_counts.entity

),

volume as (

    select
        {{ feed | join(", ") }},
        'volume' as dimension,
        case
            when earlier_days >= 7 and deviation > 0
                then (newest_count - mean_count) / deviation
        end as value,
        cast(null as bigint) as kept_count,
        newest_count as checked_count,
        to_json(struct_pack(
            earlier_days := earlier_days,
            mean_records := round(mean_count, 1),
            standard_deviation := round(deviation, 1)
        )) as details,
        earlier_days >= 7 and deviation > 0 as is_known

    from volume_histories

),

drift_metrics as (

    select
        {{ feed | join(", ") }},
        'drift_' || variable as dimension,
        case
            when sum(baseline_count) >= 100 and sum(current_count) >= 100
                then round(sum(stability_index), 9)
        end as value,
        cast(null as bigint) as kept_count,
        cast(sum(current_count) as bigint) as checked_count,
        to_json(struct_pack(
            earlier_records := cast(sum(baseline_count) as bigint), buckets := count(*)
        )) as details,
        sum(baseline_count) >= 100 and sum(current_count) >= 100 as is_known

    from drift

    group by
        {{ feed | join(", ") }},
        variable

),

measured as (

    {% for dimension in (
        shares.keys() | list + ['overall', 'freshness', 'latency', 'volume', 'drift_metrics']
    ) -%}
    select * from {{ dimension }}
    {{ "union all" if not loop.last }}
    {% endfor -%}

),

limited as (

    select
        measured.*,
        feed_thresholds.threshold,
        case
            when measured.dimension in ({{ holding_dimensions }}) then 'warn'
            else feed_thresholds.severity
        end as severity

    from measured

    left join feed_thresholds
        on measured.tenant_id = feed_thresholds.tenant_id
        and measured.source = feed_thresholds.source
        and measured.entity = feed_thresholds.entity
        and measured.dimension = feed_thresholds.dimension

),

metrics as (

    select
        limited.tenant_id,
        limited.source,
        limited.entity,
        limited.dimension,
        case
            when not limited.is_known then 'insufficient_history'
            when limited.threshold is null then 'not_judged'
            when limited.dimension in ('freshness', 'latency')
                or limited.dimension like 'drift_%'
                then
                    case
                        when limited.value > limited.threshold then 'failed'
                        else 'passed'
                    end
            when limited.dimension = 'volume'
                then
                    case
                        when abs(limited.value) > limited.threshold then 'failed'
                        else 'passed'
                    end
            when limited.value < limited.threshold then 'failed'
            else 'passed'
        end as status,
        coalesce(limited.severity, 'warn') as severity,
        cast(limited.details as varchar) as details,
        {{ build_id() }} as build_id,
        cast(limited.value as double) as value,
        limited.threshold,
        limited.kept_count,
        limited.checked_count,
        judged_feeds.judged_until,
        {{ build_started_at() }} as built_at

    from limited

    inner join judged_feeds
        on limited.tenant_id = judged_feeds.tenant_id
        and limited.source = judged_feeds.source
        and limited.entity = judged_feeds.entity

)

select * from metrics
