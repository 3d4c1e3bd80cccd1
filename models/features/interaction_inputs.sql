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
        user_key,
        item_key,
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

items as (
    select
        tenant_id,
        item_id,
        item_key
    from {{ ref('items') }}
),

numbered_versions as (

    select
        items.item_key,
        item_versions.version_number,
        item_versions.category_number,
        case
            when item_versions.version > 1 then item_versions.valid_from
        end as item_valid_from,
        item_versions.used_from,
        item_versions.used_until

    from item_versions

    inner join items
        on item_versions.tenant_id = items.tenant_id
        and item_versions.item_id = items.item_id

),

timed_interactions as (

    select
        interactions.tenant_id,
        interactions.interaction_id,
        interactions.user_id,
        interactions.item_id,
        interactions.user_key,
        interactions.item_key,
        interactions.interaction_order,
        {{ millionths('interactions.rating') }} as rating_millionths,
        interactions.is_positive,
        case
            when tenants.has_times then interactions.interacted_at
        end as as_of

    from interactions

    inner join tenants
        on interactions.tenant_id = tenants.tenant_id

),

interaction_inputs as (

    select
        timed_interactions.tenant_id,
        timed_interactions.interaction_id,
        timed_interactions.user_id,
        timed_interactions.item_id,
        timed_interactions.user_key,
        timed_interactions.item_key,
        numbered_versions.version_number,
        numbered_versions.category_number,
        {{ moment_of(
            'timed_interactions.as_of', 'timed_interactions.interaction_order'
        ) }} as moment,
        timed_interactions.interaction_order,
        timed_interactions.rating_millionths,
        timed_interactions.is_positive,
        row_number() over (
            partition by
                timed_interactions.user_key,
                timed_interactions.item_key
            order by timed_interactions.interaction_order asc
        ) = 1 as is_first_of_pair,
        numbered_versions.item_valid_from,
        timed_interactions.as_of

    from timed_interactions

    left join numbered_versions
        on timed_interactions.item_key = numbered_versions.item_key
        and coalesce(timed_interactions.as_of, timestamp '0001-01-01 00:00:00')
        between numbered_versions.used_from and numbered_versions.used_until

)

select * from interaction_inputs
