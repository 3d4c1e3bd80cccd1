{#-
    One row per interaction: what the point-in-time features are computed from, narrow
    and with whole numbers for keys, because it is sorted several times. A view: each of
    its readers needs other columns, and writing them costs more than computing them.

    `moment` says what came before what: microseconds since 1970 for tenants whose every
    interaction has a time, else the place in the user's own history. Equal moments are
    ties. Of a user's ties on one item, the first by interaction_order is the first
    interaction of the pair; whoever reads strictly earlier moments cannot tell them
    apart.
-#}

with

interactions as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        rating,
        interaction_order,
        is_positive,
        interacted_at

    from {{ ref('interactions') }}

),

tenants as (

    select
        tenant_id,
        has_times

    from {{ ref('tenants') }}

),

item_versions as (

    select
        tenant_id,
        item_id,
        version,
        version_number,
        category_number,
        valid_from,
        used_from,
        used_until

    from {{ ref('item_versions') }}

),

numbered_users as (

    select
        tenant_id,
        user_id,
        {{ number_of('user_id') }} as user_number

    from {{ ref('users') }}

),

numbered_items as (

    select
        tenant_id,
        item_id,
        {{ number_of('item_id') }} as item_number

    from {{ ref('items') }}

),

numbered_versions as (

    select
        numbered_items.item_number,
        item_versions.version_number,
        item_versions.category_number,
        case
            when item_versions.version > 1 then item_versions.valid_from
        end as item_valid_from,
        item_versions.used_from,
        item_versions.used_until

    from item_versions

    inner join numbered_items
        on item_versions.tenant_id = numbered_items.tenant_id
        and item_versions.item_id = numbered_items.item_id

),

numbered_interactions as (

    select
        interactions.tenant_id,
        interactions.interaction_id,
        interactions.user_id,
        interactions.item_id,
        numbered_users.user_number,
        numbered_items.item_number,
        interactions.interaction_order,
        {{ millionths('interactions.rating') }} as rating_millionths,
        interactions.is_positive,
        case
            when tenants.has_times then interactions.interacted_at
        end as as_of

    from interactions

    inner join tenants
        on interactions.tenant_id = tenants.tenant_id

    inner join numbered_users
        on interactions.tenant_id = numbered_users.tenant_id
        and interactions.user_id = numbered_users.user_id

    inner join numbered_items
        on interactions.tenant_id = numbered_items.tenant_id
        and interactions.item_id = numbered_items.item_id

),

interaction_inputs as (

    select
        numbered_interactions.tenant_id,
        numbered_interactions.interaction_id,
        numbered_interactions.user_id,
        numbered_interactions.item_id,
        numbered_interactions.user_number,
        numbered_interactions.item_number,
        numbered_versions.version_number,
        numbered_versions.category_number,
        {{ moment_of(
            'numbered_interactions.as_of', 'numbered_interactions.interaction_order'
        ) }} as moment,
        numbered_interactions.interaction_order,
        numbered_interactions.rating_millionths,
        numbered_interactions.is_positive,
        row_number() over (
            partition by
                numbered_interactions.user_number,
                numbered_interactions.item_number
            order by numbered_interactions.interaction_order asc
        ) = 1 as is_first_of_pair,
        numbered_versions.item_valid_from,
        numbered_interactions.as_of

    from numbered_interactions

    left join numbered_versions
        on numbered_interactions.item_number = numbered_versions.item_number
        and coalesce(numbered_interactions.as_of, timestamp '0001-01-01 00:00:00')
        between numbered_versions.used_from and numbered_versions.used_until

)

select * from interaction_inputs
