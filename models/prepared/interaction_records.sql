{#-
    One row per accepted interaction record of any source, under one set of names,
    with its key and its rank among the records of the same key. Rank 1 becomes
    prepared.interactions, the others prepared.duplicate_records.
-#}

with

movielens as (

    select
        tenant_id,
        user_id,
        item_id,
        'movielens' as source,
        'ratings' as entity,
        'rating' as source_event_type,
        cast(null as varchar) as given_interaction_id,
        cast(null as varchar) as transaction_id,
        cast(null as varchar) as session_id,
        cast(null as varchar) as device,
        file,
        load_id,
        rating,
        cast(null as double) as price,
        cast(null as double) as quantity,
        cast(null as bigint) as position,
        row_number,
        interacted_at,
        loaded_at

    from {{ ref('val_movielens__ratings') }}

    where is_accepted

),

microlens as (

    select
        tenant_id,
        user_id,
        item_id,
        'microlens' as source,
        'pairs' as entity,
        'click' as source_event_type,
        cast(null as varchar) as given_interaction_id,
        cast(null as varchar) as transaction_id,
        'session_' || user_id || '_' || cast(cast(interacted_at as date) as varchar)
            as session_id,
        'mobile' as device,
        file,
        load_id,
        cast(null as double) as rating,
        cast(null as double) as price,
        cast(null as double) as quantity,
        position,
        row_number,
        interacted_at,
        loaded_at

    from {{ ref('val_microlens__pairs') }}

    where is_accepted

),

recomart as (

    select
        tenant_id,
        user_id,
        item_id,
        'recomart' as source,
        'transactions' as entity,
        coalesce(lower(event_type), 'purchase') as source_event_type,
        cast(null as varchar) as given_interaction_id,
        transaction_id,
        cast(null as varchar) as session_id,
        cast(null as varchar) as device,
        file,
        load_id,
        rating,
        price,
        quantity,
        cast(null as bigint) as position,
        row_number,
        interacted_at,
        loaded_at

    from {{ ref('val_recomart__transactions') }}

    where is_accepted

),

canonical as (

    select
        tenant_id,
        user_id,
        item_id,
        'canonical' as source,
        'interactions' as entity,
        coalesce(
            lower(event_type),
            case when rating is not null then 'rating' else 'interaction' end
        ) as source_event_type,
        interaction_id as given_interaction_id,
        cast(null as varchar) as transaction_id,
        session_id,
        lower(device) as device,
        file,
        load_id,
        rating,
        price,
        quantity,
        cast(null as bigint) as position,
        row_number,
        interacted_at,
        loaded_at

    from {{ ref('val_canonical__interactions') }}

    where is_accepted

),

accepted as (

    select * from movielens
    union all
    select * from microlens
    union all
    select * from recomart
    union all
    select * from canonical

),

event_types as (

    select
        tenant_id,
        source_value,
        event_type,
        negative_kind,
        weight,
        is_positive,
        is_seen

    from {{ ref('event_types') }}

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
        {{ tenant_value('type', 'event_type') }} as event_type,
        {{ tenant_value('type', 'weight') }} as event_weight,
        case
            when {{ tenant_value('type', 'event_type') }} = 'rating'
                and accepted.rating is not null
                then accepted.rating
                    >= {{ tenant_value('settings', 'positive_rating_minimum') }}
            else {{ tenant_value('type', 'is_positive') }}
        end as is_positive,
        {{ tenant_value('type', 'is_seen') }} as is_seen_type,
        case
            when {{ tenant_value('type', 'event_type') }} = 'rating'
                and accepted.rating
                <= {{ tenant_value('settings', 'negative_rating_maximum') }}
                then 'low_rating'
            else {{ tenant_value('type', 'negative_kind') }}
        end as signalled_negative_kind

    from accepted

    left join event_types as own_type
        on accepted.tenant_id = own_type.tenant_id
        and accepted.source_event_type = own_type.source_value

    left join event_types as any_type
        on any_type.tenant_id = '*'
        and accepted.source_event_type = any_type.source_value

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
