{#-
    One row per accepted interaction record of any source, under one set of names,
    with its key and its rank among the records of the same key. Rank 1 becomes
    prepared.interactions, the others prepared.duplicate_records.
-#}

with

accepted as (

    select * from {{ ref('accepted_interactions') }}

),

tenant_settings as (

    select
        tenant_id,
        positive_rating_minimum,
        negative_rating_maximum

    from {{ ref('tenant_settings') }}

),

classified as (

    select
        accepted.*,
        case
            when accepted.event_type = 'rating' and accepted.rating is not null
                then accepted.rating
                    >= {{ tenant_value('settings', 'positive_rating_minimum') }}
            else accepted.is_positive_type
        end as is_positive,
        case
            when accepted.event_type = 'rating'
                and accepted.rating
                <= {{ tenant_value('settings', 'negative_rating_maximum') }}
                then 'low_rating'
            else accepted.type_negative_kind
        end as signalled_negative_kind

    from accepted

    left join tenant_settings as own_settings
        on accepted.tenant_id = own_settings.tenant_id

    left join tenant_settings as any_settings
        on any_settings.tenant_id = '*'

),

keyed as (

    select
        *,
        coalesce(
            given_interaction_id,
            {{ uuid5([
                "'interaction'",
                "tenant_id",
                "transaction_id",
                "user_id",
                "item_id",
                "event_type",
                "epoch_us(interacted_at)",
                "position",
            ]) }}
        ) as interaction_id

    from classified

),

ranked as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        source,
        entity,
        event_type,
        session_id,
        device,
        case when not is_positive then signalled_negative_kind end as negative_kind,
        file,
        load_id,
        rating,
        price,
        quantity,
        event_weight,
        position,
        row_number,
        {{ duplicate_rank(['tenant_id', 'interaction_id']) }} as duplicate_rank,
        {{ repeats_in_load(['tenant_id', 'interaction_id']) }} as is_repeat,
        is_positive,
        is_positive or is_seen_type as is_seen,
        interacted_at,
        loaded_at

    from keyed

)

select * from ranked
