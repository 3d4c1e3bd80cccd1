{#-
    One row per load that gives ids of interactions, of tenants with several such loads:
    how many of its accepted records have an id that an earlier load of the tenant gave
    to another user or item. Few of them are corrections; many mean that the numbers
    start again with each file, and that each load would take the place of the one before.

    Records whose file a later one of mode `replace` took the place of, and those of
    loads that are held for another reason, are no earlier records.

    One model, although long: each half needs the spellings that the other finds.
-#}

with

releases as (
    select * from {{ ref('released_loads') }}
),

load_consistency as (
    select * from {{ ref('load_consistency') }}
),

feed_thresholds as (
    select * from {{ ref('feed_thresholds') }}
    where dimension = 'consistency'
),

held_loads as (

    select
        tenant_id,
        load_id

    from {{ ref('load_measures') }}

    where
        source = 'canonical'
        and entity = 'interactions'
        and is_holding

    union

    select
        load_consistency.tenant_id,
        load_consistency.load_id

    from load_consistency

    inner join feed_thresholds
        on load_consistency.tenant_id = feed_thresholds.tenant_id
        and load_consistency.source = feed_thresholds.source
        and load_consistency.entity = feed_thresholds.entity

    anti join releases
        on load_consistency.tenant_id = releases.tenant_id
        and load_consistency.source = releases.source
        and load_consistency.load_id = releases.load_id

    where
        load_consistency.source = 'canonical'
        and load_consistency.entity = 'interactions'
        and {{ is_short(
            'load_consistency.checked_count',
            'load_consistency.inconsistent_count',
            'feed_thresholds'
        ) }}

),

accepted as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        file,
        load_id,
        loaded_at

    from {{ ref('val_canonical__interactions') }}

    where
        is_accepted
        and interaction_id is not null

),

interactions as (
    select * from accepted
    anti join held_loads
        on accepted.tenant_id = held_loads.tenant_id
        and accepted.load_id = held_loads.load_id
),

loaded_files as (

    select
        tenant_id,
        file,
        feed,
        mode,
        path,
        load_id,
        loaded_at

    from {{ ref('stg_winnow__loaded_files') }}

    where
        source = 'canonical'
        and entity = 'interactions'

),

replacing_files as (
    select
        tenant_id,
        feed,
        case when feed is null then path end as path,
        max(loaded_at) as loaded_at
    from loaded_files
    where mode = 'replace'
    group by all
),

replaced_files as (

    select
        loaded_files.tenant_id,
        loaded_files.file,
        loaded_files.load_id

    from loaded_files

    inner join replacing_files
        on loaded_files.tenant_id = replacing_files.tenant_id
        and loaded_files.loaded_at < replacing_files.loaded_at
        and (
            loaded_files.feed = replacing_files.feed
            or loaded_files.path = replacing_files.path
        )

    group by all

),

loads as (
    select
        tenant_id,
        load_id,
        loaded_at,
        count(*) as checked_count
    from interactions
    group by all
),

numbered_loads as (
    select
        *,
        row_number() over (
            partition by tenant_id
            order by loaded_at asc, load_id asc
        ) as load_number
    from loads
    qualify count(*) over (partition by tenant_id) > 1
),

compared_interactions as (

    select
        interactions.tenant_id,
        interactions.interaction_id,
        interactions.user_id,
        interactions.item_id,
        interactions.load_id,
        numbered_loads.load_number

    from interactions

    inner join numbered_loads
        on interactions.tenant_id = numbered_loads.tenant_id
        and interactions.load_id = numbered_loads.load_id

    anti join replaced_files
        on interactions.tenant_id = replaced_files.tenant_id
        and interactions.load_id = replaced_files.load_id
        and interactions.file = replaced_files.file

),

shared_ids as (
    select
        tenant_id,
        interaction_id
    from compared_interactions
    group by all
    having
        min(load_number) < max(load_number)
        and (min(user_id) < max(user_id) or min(item_id) < max(item_id))
),

earlier_interactions as (

    select
        *,
        min(user_id) over earlier_loads as first_user_id,
        max(user_id) over earlier_loads as last_user_id,
        min(item_id) over earlier_loads as first_item_id,
        max(item_id) over earlier_loads as last_item_id

    from compared_interactions

    semi join shared_ids
        on compared_interactions.tenant_id = shared_ids.tenant_id
        and compared_interactions.interaction_id = shared_ids.interaction_id

    window earlier_loads as (
        partition by tenant_id, interaction_id
        order by load_number asc
        range between unbounded preceding and 1 preceding
    )

),

collisions as (

    select
        tenant_id,
        load_id,
        count(*) as collision_count

    from earlier_interactions

    where
        user_id != first_user_id
        or user_id != last_user_id
        or item_id != first_item_id
        or item_id != last_item_id

    group by all

),

id_collisions as (

    select
        numbered_loads.tenant_id,
        'canonical' as source,
        'interactions' as entity,
        numbered_loads.load_id,
        numbered_loads.checked_count,
        coalesce(collisions.collision_count, 0) as collision_count

    from numbered_loads

    left join collisions
        on numbered_loads.tenant_id = collisions.tenant_id
        and numbered_loads.load_id = collisions.load_id

)

select * from id_collisions
