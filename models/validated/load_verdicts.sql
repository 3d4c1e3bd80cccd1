{#-
    One row per tenant, source, entity and load: whether its records count. A load is held
    when a rule or a dimension is below its threshold of severity error by at least
    gate_minimum values, or when nothing at all of it was accepted; a load that somebody
    released counts all the same. Held loads stay in the validated layer, and stop
    nobody else's.

    One model, although long: a verdict is one sentence from all that was judged.
-#}

{%- set load_key = ['tenant_id', 'source', 'entity', 'load_id'] %}
{%- set dimensions = [
    'acceptance', 'completeness', 'validity', 'uniqueness', 'consistency', 'identity'
] %}

with

record_counts as (
    select * from {{ ref('record_counts') }}
),

load_measures as (
    select * from {{ ref('load_measures') }}
),

load_consistency as (
    select * from {{ ref('load_consistency') }}
),

id_collisions as (
    select * from {{ ref('id_collisions') }}
),

feed_thresholds as (
    select * from {{ ref('feed_thresholds') }}
),

loaded_files as (
    select * from {{ ref('stg_winnow__loaded_files') }}
),

releases as (
    select * from {{ ref('released_loads') }}
),

compared as (

    select
        {{ load_key | join(", ") }},
        'consistency' as dimension,
        checked_count,
        inconsistent_count as failed_count

    from load_consistency

    union all

    select
        {{ load_key | join(", ") }},
        'identity' as dimension,
        checked_count,
        collision_count as failed_count

    from id_collisions

),

measures as (

    select
        {{ load_key | join(", ") }},
        measure,
        checked_count,
        failed_count,
        threshold,
        severity,
        is_short

    from load_measures

    union all

    select
        compared.tenant_id,
        compared.source,
        compared.entity,
        compared.load_id,
        compared.dimension as measure,
        compared.checked_count,
        compared.failed_count,
        feed_thresholds.threshold,
        feed_thresholds.severity,
        {{ is_short(
            'compared.checked_count', 'compared.failed_count', 'feed_thresholds'
        ) }} as is_short

    from compared

    left join feed_thresholds
        on compared.tenant_id = feed_thresholds.tenant_id
        and compared.source = feed_thresholds.source
        and compared.entity = feed_thresholds.entity
        and compared.dimension = feed_thresholds.dimension

),

explained as (

    select
        *,
        case measure
            when 'anything' then 0
            when 'acceptance' then 1
            when 'record.readable' then 2
            when 'completeness' then 4
            when 'validity' then 5
            when 'uniqueness' then 6
            when 'consistency' then 7
            when 'identity' then 8
            else 3
        end as place,
        format('{:,} of {:,} ', failed_count, checked_count)
        || case measure
            when 'anything' then 'records were rejected, so that none is left'
            when 'acceptance' then 'records were rejected'
            when 'record.readable' then 'records cannot be read'
            when 'completeness' then 'required values are missing'
            when 'validity' then 'given values break a rule'
            when 'uniqueness' then 'records repeat a key of their load'
            when 'consistency'
                then
                    case
                        when entity = 'predictions'
                            then
                                'predictions are of users or items that the tenant '
                                || 'does not know'
                        else
                            'interactions contradict the catalogue, the clock or '
                            || 'themselves'
                    end
            when 'identity'
                then
                    'ids of interactions stand in an earlier load with another user '
                    || 'or item'
            else 'values break ' || measure
        end
        || case
            when threshold is not null
                then format(' ({:g}% may)', 100 * (1 - threshold))
            else ''
        end as sentence

    from measures

),

summed as (

    select
        {{ load_key | join(", ") }},
        {% for dimension in dimensions -%}
        max((checked_count - failed_count) / nullif(checked_count, 0)) filter (
            where measure = '{{ dimension }}'
        ) as {{ dimension }},
        max(threshold) filter (
            where measure = '{{ dimension }}' and severity = 'error'
        ) as {{ dimension }}_threshold,
        {% endfor -%}
        max(failed_count) filter (where measure = 'consistency')
            as inconsistent_count,
        max(failed_count) filter (where measure = 'identity') as collision_count,
        list(measure order by place asc, failed_count desc, measure asc) filter (
            where is_short
        ) as short_measures,
        list(sentence order by place asc, failed_count desc, measure asc) filter (
            where is_short
        ) as sentences

    from explained

    group by {{ load_key | join(", ") }}

),

last_loads as (
    select
        tenant_id,
        source,
        entity,
        path,
        max(loaded_at) as loaded_at
    from loaded_files
    group by all
),

last_wholes as (
    select
        tenant_id,
        source,
        entity,
        feed,
        max(loaded_at) filter (where mode = 'snapshot' or feed is not null) as loaded_at
    from loaded_files
    where mode in ('replace', 'snapshot')
    group by all
),

superseded as (

    select
        loaded_files.tenant_id,
        loaded_files.source,
        loaded_files.entity,
        loaded_files.load_id,
        bool_and(
            last_loads.loaded_at > loaded_files.loaded_at
            or coalesce(last_wholes.loaded_at > loaded_files.loaded_at, false)
        ) as is_superseded

    from loaded_files

    inner join last_loads
        on loaded_files.tenant_id = last_loads.tenant_id
        and loaded_files.source = last_loads.source
        and loaded_files.entity = last_loads.entity
        and loaded_files.path = last_loads.path

    left join last_wholes
        on loaded_files.tenant_id = last_wholes.tenant_id
        and loaded_files.source = last_wholes.source
        and loaded_files.entity = last_wholes.entity
        and loaded_files.feed is not distinct from last_wholes.feed

    group by all

),

judged as (

    select
        record_counts.*,
        summed.* exclude ({{ load_key | join(", ") }}),
        case
            when summed.short_measures is null then 'counts'
            when releases.load_id is null then 'held'
            else 'released'
        end as verdict,
        superseded.is_superseded

    from record_counts

    left join summed
        on record_counts.tenant_id = summed.tenant_id
        and record_counts.source = summed.source
        and record_counts.entity = summed.entity
        and record_counts.load_id = summed.load_id

    left join releases
        on record_counts.tenant_id = releases.tenant_id
        and record_counts.source = releases.source
        and record_counts.load_id = releases.load_id

    left join superseded
        on record_counts.tenant_id = superseded.tenant_id
        and record_counts.source = superseded.source
        and record_counts.entity = superseded.entity
        and record_counts.load_id = superseded.load_id

),

load_verdicts as (

    select
        {{ load_key | join(", ") }},
        feed,
        mode,
        verdict,
        array_to_string(sentences[1:4], '; ') || '.' as reason,
        short_measures,
        landed_count,
        unreadable_count,
        accepted_count,
        rejected_count,
        failing_count,
        missing_value_count,
        invalid_value_count,
        repeated_count,
        coalesce(inconsistent_count, 0) as inconsistent_count,
        coalesce(collision_count, 0) as collision_count,
        {% for dimension in dimensions -%}
        {{ dimension }},
        {{ dimension }}_threshold,
        {% endfor -%}
        verdict = 'held' and is_superseded as is_superseded,
        is_correction,
        loaded_at

    from judged

)

select * from load_verdicts
