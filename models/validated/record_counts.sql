{#-
    One row per tenant, source, entity and load: what was counted of its records and
    values. A record that was corrected and replayed fails nothing any more; an
    unreadable one misses all its required values. A value is one column of one record.
    A load is there once all its records have been judged.
-#}

{%- set load_key = ['tenant_id', 'source', 'entity', 'load_id'] %}

with

loads as (

    select
        {{ load_key | join(", ") }},
        max(feed) as feed,
        max(mode) as mode,
        cast(sum(record_count + unreadable_count) as bigint) as landed_count,
        cast(sum(record_count) as bigint) as record_count,
        cast(sum(unreadable_count) as bigint) as unreadable_count,
        bool_or(corrects_load_id is not null) as is_correction,
        max(loaded_at) as loaded_at

    from {{ ref('stg_winnow__loaded_files') }}

    group by {{ load_key | join(", ") }}

),

required_columns as (

    {% for source, entity in contract_entities() -%}
    select
        '{{ source }}' as source,
        '{{ entity }}' as entity,
        {{ required_column_count(source, entity) }} as always_count,
        {{ required_column_count(source, entity, 'required_from') }} as timed_count
    {{ "union all" if not loop.last }}
    {% endfor -%}

),

tenant_times as (
    select
        tenant_id,
        needs_times
    from {{ ref('tenant_times') }}
),

column_counts as (
    select
        {{ load_key | join(", ") }},
        cast(sum(typed_count) as bigint) as typed_count
    from {{ ref('column_counts') }}
    group by {{ load_key | join(", ") }}
),

key_counts as (
    select * from {{ ref('key_counts') }}
),

rejected_records as (
    select
        {{ load_key | join(", ") }},
        reasons,
        reasons[1] like 'record.%' as is_unreadable,
        status != 'resolved' and (status = 'open' or replay_of is null) as is_failing
    from {{ ref('rejected_records') }}
),

rejected as (

    select
        {{ load_key | join(", ") }},
        count(*) filter (not is_unreadable) as rejected_count,
        count(*) filter (is_failing) as failing_count,
        count(*) filter (is_failing and is_unreadable) as failing_unreadable_count,
        cast(
            sum(len(list_filter(
                reasons, lambda reason: reason like '%.required'
            ))) filter (is_failing) as bigint
        ) as missing_count,
        cast(
            sum(len(list_filter(
                reasons, lambda reason: reason like '%.type'
            ))) as bigint
        ) as untyped_count,
        cast(
            sum(list_unique(list_transform(
                list_filter(
                    reasons,
                    lambda reason:
                    reason not like '%.required' and reason not like 'record.%'
                ),
                lambda reason: split_part(reason, '.', 1)
            ))) filter (is_failing) as bigint
        ) as invalid_count

    from rejected_records

    group by {{ load_key | join(", ") }}

),

counted as (

    select
        loads.*,
        required_columns.always_count
        + case
            when coalesce(tenant_times.needs_times, false)
                then required_columns.timed_count
            else 0
        end as required_column_count,
        coalesce(column_counts.typed_count, 0) as typed_count,
        coalesce(key_counts.accepted_count, 0) as accepted_count,
        coalesce(key_counts.key_count, 0) as key_count,
        coalesce(rejected.rejected_count, 0) as rejected_count,
        coalesce(rejected.failing_count, 0) as failing_count,
        coalesce(rejected.failing_unreadable_count, 0) as failing_unreadable_count,
        coalesce(rejected.missing_count, 0) as missing_count,
        coalesce(rejected.untyped_count, 0) as untyped_count,
        coalesce(rejected.invalid_count, 0) as invalid_count

    from loads

    inner join required_columns
        on loads.source = required_columns.source
        and loads.entity = required_columns.entity

    left join tenant_times
        on loads.tenant_id = tenant_times.tenant_id

    left join column_counts
        on loads.tenant_id = column_counts.tenant_id
        and loads.source = column_counts.source
        and loads.entity = column_counts.entity
        and loads.load_id = column_counts.load_id

    left join key_counts
        on loads.tenant_id = key_counts.tenant_id
        and loads.source = key_counts.source
        and loads.entity = key_counts.entity
        and loads.load_id = key_counts.load_id

    left join rejected
        on loads.tenant_id = rejected.tenant_id
        and loads.source = rejected.source
        and loads.entity = rejected.entity
        and loads.load_id = rejected.load_id

),

record_counts as (

    select
        {{ load_key | join(", ") }},
        feed,
        mode,
        landed_count,
        unreadable_count,
        accepted_count,
        rejected_count,
        failing_count,
        failing_unreadable_count,
        landed_count * required_column_count as required_value_count,
        missing_count + failing_unreadable_count * required_column_count
            as missing_value_count,
        typed_count + untyped_count as given_value_count,
        invalid_count as invalid_value_count,
        accepted_count as keyed_count,
        accepted_count - key_count as repeated_count,
        is_correction,
        loaded_at

    from counted

    -- Loads that came since the records were judged wait for the next build.
    where record_count = accepted_count + rejected_count

)

select * from record_counts
