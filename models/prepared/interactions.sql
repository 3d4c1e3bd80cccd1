{#-
    One row per interaction: the kept record of each key, in the user's own order
    and cut into sessions. Order within a user: time, then the source's own position,
    then interaction_id, so that ties fall the same way on every build. Without times:
    load, then file, then position, then row, so that a later load never gets into an
    earlier one. A correction stands where the record that it corrects stood.
-#}

with

interaction_records as (
    select * from {{ ref('interaction_records') }}
    where duplicate_rank = 1
),

replayed_records as (
    select
        tenant_id,
        rejected_id,
        source,
        entity,
        load_id,
        row_number
    from {{ ref('stg_winnow__replayed_records') }}
),

rejected_records as (
    select
        tenant_id,
        rejected_id,
        file,
        load_id,
        row_number,
        loaded_at
    from {{ ref('rejected_records') }}
),

corrected_records as (

    select
        replayed_records.tenant_id,
        replayed_records.source,
        replayed_records.entity,
        replayed_records.load_id,
        replayed_records.row_number,
        rejected_records.file as first_file,
        rejected_records.load_id as first_load_id,
        rejected_records.row_number as first_row_number,
        rejected_records.loaded_at as first_loaded_at

    from replayed_records

    inner join rejected_records
        on replayed_records.tenant_id = rejected_records.tenant_id
        and replayed_records.rejected_id = rejected_records.rejected_id

),

user_codes as (
    select
        tenant_id,
        user_id,
        {{ entity_key('user_index') }} as user_key
    from {{ ref('user_codes') }}
),

item_codes as (
    select
        tenant_id,
        item_id,
        {{ entity_key('item_index') }} as item_key
    from {{ ref('item_codes') }}
),

placed as (

    select
        interaction_records.*,
        user_codes.user_key,
        item_codes.item_key,
        coalesce(
            corrected_records.first_loaded_at, interaction_records.loaded_at
        ) as placed_at,
        coalesce(
            corrected_records.first_load_id, interaction_records.load_id
        ) as placed_load_id,
        coalesce(
            corrected_records.first_file, interaction_records.file
        ) as placed_file,
        coalesce(
            corrected_records.first_row_number, interaction_records.row_number
        ) as placed_row_number

    from interaction_records

    left join user_codes
        on interaction_records.tenant_id = user_codes.tenant_id
        and interaction_records.user_id = user_codes.user_id

    left join item_codes
        on interaction_records.tenant_id = item_codes.tenant_id
        and interaction_records.item_id = item_codes.item_id

    left join corrected_records
        on interaction_records.tenant_id = corrected_records.tenant_id
        and interaction_records.source = corrected_records.source
        and interaction_records.entity = corrected_records.entity
        and interaction_records.load_id = corrected_records.load_id
        and interaction_records.row_number = corrected_records.row_number

),

ordered as (

    select
        *,
        row_number() over user_history as interaction_order,
        lag(interacted_at) over user_history as previous_at

    from placed

    window user_history as (
        partition by user_key
        order by
            interacted_at asc nulls last,
            case when interacted_at is null then placed_at end asc nulls last,
            case when interacted_at is null then placed_load_id end asc nulls last,
            case when interacted_at is null then placed_file end asc nulls last,
            position asc nulls last,
            case when interacted_at is null then placed_row_number end asc nulls last,
            interaction_id asc
    )

),

session_starts as (
    select
        *,
        case
            when
                previous_at is null
                or interacted_at > previous_at
                + interval '{{ var("session_gap_minutes") }} minutes'
                then interacted_at
        end as session_started_at
    from ordered
),

sessionised as (

    select
        *,
        coalesce(
            session_id,
            'session_' || user_id || '_' || strftime(
                last_value(session_started_at ignore nulls) over (
                    partition by user_key
                    order by interaction_order asc
                    rows between unbounded preceding and current row
                ),
                '%Y%m%dT%H%M%S'
            )
        ) as given_or_cut_session_id

    from session_starts

),

interactions as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        event_type,
        case
            when interacted_at is not null then given_or_cut_session_id
            else session_id
        end as session_id,
        device,
        negative_kind,
        source,
        entity,
        file,
        load_id,
        user_key,
        item_key,
        rating,
        price,
        quantity,
        event_weight,
        interaction_order,
        row_number,
        is_positive,
        is_seen,
        interacted_at,
        loaded_at

    from sessionised

)

select * from interactions
