{#-
    One row per refused record, with every reason: records that break a rule of
    their contract, and records that could not be read. Nothing is refused anywhere
    else. A record that was corrected and replayed stays; where a replay was refused
    again, it is a row of its own beside the original.
-#}

with

unreadable_records as (
    select * from {{ ref('stg_winnow__unreadable_records') }}
),

loaded_files as (
    select
        tenant_id,
        source,
        entity,
        file_sha256,
        read_options,
        load_id,
        row_limit,
        received_at
    from {{ ref('stg_winnow__loaded_files') }}
),

replayed_records as (
    select
        tenant_id,
        rejected_id,
        source,
        entity,
        load_id,
        row_number,
        attempt
    from {{ ref('stg_winnow__replayed_records') }}
),

refused as (

    {% for source, entity in contract_entities() -%}
    select
        tenant_id,
        '{{ source }}' as source,
        '{{ entity }}' as entity,
        rejection_reasons as reasons,
        raw_record,
        cast(null as varchar) as detail,
        '{{ contract_version(source, entity) }}' as contract_version,
        file,
        file_sha256,
        load_id,
        row_number,
        line_number,
        loaded_at

    from {{ ref('val_' ~ source ~ '__' ~ entity) }}

    where not is_accepted

    union all

    {% endfor -%}
    select
        tenant_id,
        source,
        entity,
        ['record.' || reason] as reasons,
        cast(to_json(raw_record) as varchar) as raw_record,
        detail,
        case
            {% for source, entity in contract_entities() -%}
            when source = '{{ source }}' and entity = '{{ entity }}'
                then '{{ contract_version(source, entity) }}'
            {% endfor -%}
        end as contract_version,
        file,
        file_sha256,
        load_id,
        row_number,
        line_number,
        loaded_at

    from unreadable_records

),

identified as (

    select
        refused.*,
        {{ rejected_id(
            'refused', 'loaded_files', 'refused.source', 'refused.entity'
        ) }} as rejected_id,
        replayed_records.rejected_id as replay_of,
        coalesce(replayed_records.attempt, 1) as attempt,
        loaded_files.received_at

    from refused

    left join loaded_files
        on refused.tenant_id = loaded_files.tenant_id
        and refused.source = loaded_files.source
        and refused.entity = loaded_files.entity
        and refused.load_id = loaded_files.load_id
        and refused.file_sha256 = loaded_files.file_sha256

    left join replayed_records
        on refused.tenant_id = replayed_records.tenant_id
        and refused.source = replayed_records.source
        and refused.entity = replayed_records.entity
        and refused.load_id = replayed_records.load_id
        and refused.row_number = replayed_records.row_number

),

replays_per_original as (
    select
        tenant_id,
        rejected_id,
        max_by(load_id, attempt) as replayed_in,
        max(attempt) as attempts,
        count(*) as replay_count
    from replayed_records
    group by all
),

refused_replays_per_original as (
    select
        tenant_id,
        replay_of as rejected_id,
        count(*) as refused_count
    from identified
    where replay_of is not null
    group by all
),

rejected as (

    select
        identified.tenant_id,
        identified.rejected_id,
        identified.source,
        identified.entity,
        identified.reasons,
        identified.raw_record,
        identified.detail,
        identified.contract_version,
        case
            when replays.replay_count > coalesce(refused_replays.refused_count, 0)
                then 'resolved'
            when identified.attempt < replays.attempts then 'superseded'
            else 'open'
        end as status,
        identified.replay_of,
        replays.replayed_in,
        identified.file,
        identified.file_sha256,
        identified.load_id,
        identified.row_number,
        identified.line_number,
        identified.attempt,
        coalesce(replays.attempts, 1) as attempts,
        identified.received_at,
        identified.loaded_at

    from identified

    left join replays_per_original as replays
        on identified.tenant_id = replays.tenant_id
        and coalesce(identified.replay_of, identified.rejected_id) = replays.rejected_id

    left join refused_replays_per_original as refused_replays
        on replays.tenant_id = refused_replays.tenant_id
        and replays.rejected_id = refused_replays.rejected_id

)

select * from rejected
