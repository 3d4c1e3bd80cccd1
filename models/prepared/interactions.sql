{#-
    One row per interaction: the kept record of each key, in the user's own order
    and cut into sessions. Order within a user: time, then the source's own position,
    then interaction_id, so that ties fall the same way on every build. Without times:
    load, then file, then position, then row, so that a later load never gets into an
    earlier one.
-#}

with

interaction_records as (

    select * from {{ ref('interaction_records') }}

    where duplicate_rank = 1

),

ordered as (

    select
        *,
        row_number() over user_history as interaction_order,
        lag(interacted_at) over user_history as previous_at

    from interaction_records

    window user_history as (
        partition by tenant_id, user_id
        order by
            interacted_at asc nulls last,
            case when interacted_at is null then loaded_at end asc nulls last,
            case when interacted_at is null then load_id end asc nulls last,
            case when interacted_at is null then file end asc nulls last,
            position asc nulls last,
            case when interacted_at is null then row_number end asc nulls last,
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
                    partition by tenant_id, user_id
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
