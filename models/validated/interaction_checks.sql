{#-
    One row per accepted interaction, duplicates among them: whether it contradicts the
    catalogue, the clock or itself. Users and items are looked for where the tenant has
    a catalogue of them; a purchase needs a view only where the tenant says so.
-#}
-- depends_on: {{ ref('tenant_settings') }}

{{ config(materialized="view") }}

with

interactions as {{ inlined() }} (
    select * from {{ ref('accepted_interactions') }}
),

catalogue_ids as (
    select * from {{ ref('catalogue_ids') }}
),

event_types as (
    select
        tenant_id,
        event_type,
        may_be_rated
    from {{ ref('event_types') }}
),

loading_tenants as (
    select tenant_id
    from {{ ref('stg_winnow__loaded_files') }}
    group by tenant_id
),

users as (
    select
        tenant_id,
        id as user_id
    from catalogue_ids
    where kind = 'user'
),

items as (
    select
        tenant_id,
        id as item_id
    from catalogue_ids
    where kind = 'item'
),

user_catalogues as (
    select tenant_id
    from users
    group by tenant_id
),

item_catalogues as (
    select tenant_id
    from items
    group by tenant_id
),

viewing_tenants as (
    select tenant_id
    from loading_tenants
    where {{ tenant_setting('purchase_needs_view') }}
),

rated_types as (
    select
        tenant_id,
        event_type
    from event_types
    group by
        tenant_id,
        event_type
    having bool_or(may_be_rated)
),

first_views as (
    select
        interactions.tenant_id,
        interactions.user_id,
        interactions.item_id,
        min(interactions.interacted_at) as first_viewed_at
    from interactions
    inner join viewing_tenants
        on interactions.tenant_id = viewing_tenants.tenant_id
    where interactions.event_type = 'view'
    group by all
),

interaction_checks as (

    select
        interactions.tenant_id,
        interactions.user_id,
        interactions.item_id,
        interactions.event_type,
        interactions.source,
        interactions.entity,
        interactions.file,
        interactions.load_id,
        interactions.row_number,
        user_catalogues.tenant_id is not null
        and users.user_id is null as has_unknown_user,
        item_catalogues.tenant_id is not null
        and items.item_id is null as has_unknown_item,
        coalesce(
            interactions.interacted_at
            > interactions.loaded_at
            + interval '{{ var("future_tolerance_hours") }} hours',
            false
        ) as is_after_its_load,
        interactions.rating is not null
        and own_rated_types.event_type is null
        and any_rated_types.event_type is null as is_rated_by_mistake,
        interactions.event_type = 'purchase'
        and viewing_tenants.tenant_id is not null
        and not coalesce(
            first_views.first_viewed_at <= interactions.interacted_at, false
        ) as is_unviewed_purchase,
        interactions.interacted_at

    from interactions

    left join users
        on interactions.tenant_id = users.tenant_id
        and interactions.user_id = users.user_id

    left join items
        on interactions.tenant_id = items.tenant_id
        and interactions.item_id = items.item_id

    left join user_catalogues
        on interactions.tenant_id = user_catalogues.tenant_id

    left join item_catalogues
        on interactions.tenant_id = item_catalogues.tenant_id

    left join viewing_tenants
        on interactions.tenant_id = viewing_tenants.tenant_id

    left join rated_types as own_rated_types
        on interactions.tenant_id = own_rated_types.tenant_id
        and interactions.event_type = own_rated_types.event_type

    left join rated_types as any_rated_types
        on any_rated_types.tenant_id = '*'
        and interactions.event_type = any_rated_types.event_type

    left join first_views
        on interactions.tenant_id = first_views.tenant_id
        and interactions.user_id = first_views.user_id
        and interactions.item_id = first_views.item_id

)

select * from interaction_checks
