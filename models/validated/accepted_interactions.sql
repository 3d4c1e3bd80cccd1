{#-
    One row per accepted interaction record of any source, under one set of names, with
    what its event type means to the tenant. What is less than no pieces came back: it is
    a return, whatever its type says. A view: read once for what contradicts itself, and
    once for the records that go on.
-#}

{{ config(materialized="view") }}

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

events as (
    select
        * exclude (source_event_type),
        case when quantity < 0 then 'return' else source_event_type end
            as source_event_type,
        coalesce(quantity < 0, false) as is_return
    from accepted
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

classified as (

    select
        events.tenant_id,
        events.user_id,
        events.item_id,
        events.source,
        events.entity,
        events.given_interaction_id,
        events.transaction_id,
        case
            when events.is_return then 'return'
            else {{ tenant_value('type', 'event_type') }}
        end as event_type,
        {{ tenant_value('type', 'negative_kind') }} as type_negative_kind,
        events.session_id,
        events.device,
        events.file,
        events.load_id,
        events.rating,
        events.price,
        events.quantity,
        coalesce(
            {{ tenant_value('type', 'weight') }},
            case when events.is_return then 0 end
        ) as event_weight,
        events.position,
        events.row_number,
        not events.is_return and {{ tenant_value('type', 'is_positive') }}
            as is_positive_type,
        coalesce({{ tenant_value('type', 'is_seen') }}, events.is_return)
            as is_seen_type,
        events.interacted_at,
        events.loaded_at

    from events

    left join event_types as own_type
        on events.tenant_id = own_type.tenant_id
        and events.source_event_type = own_type.source_value

    left join event_types as any_type
        on any_type.tenant_id = '*'
        and events.source_event_type = any_type.source_value

)

select * from classified
