{#-
    One row per tenant, source, entity, load and file: whether its accepted records go
    on. `held`: the load is. `replaced`: a later file of mode replace took its place, by
    the feed's name or, without one, by its path. `earlier`: a later load has the whole
    catalogue of the feed, so that this one is history. Everything else counts. A
    correction has the state of what it corrects, unless its own load is held.
-#}

with

loaded_files as (
    select * from {{ ref('stg_winnow__loaded_files') }}
),

load_verdicts as (
    select * from {{ ref('load_verdicts') }}
),

files as (

    select
        loaded_files.tenant_id,
        loaded_files.source,
        loaded_files.entity,
        loaded_files.load_id,
        loaded_files.file,
        loaded_files.feed,
        loaded_files.mode,
        loaded_files.path,
        loaded_files.corrects_load_id,
        loaded_files.corrects_file,
        load_verdicts.verdict = 'held' as is_held,
        load_verdicts.accepted_count,
        loaded_files.loaded_at

    from loaded_files

    inner join load_verdicts
        on loaded_files.tenant_id = load_verdicts.tenant_id
        and loaded_files.source = load_verdicts.source
        and loaded_files.entity = load_verdicts.entity
        and loaded_files.load_id = load_verdicts.load_id

),

replaced_feeds as (

    select
        tenant_id,
        source,
        entity,
        feed,
        max(loaded_at) as loaded_at,
        max_by(load_id, loaded_at) as load_id

    from files

    where
        mode = 'replace'
        and feed is not null
        and not is_held

    group by all

),

replaced_paths as (

    select
        tenant_id,
        source,
        entity,
        path,
        max(loaded_at) as loaded_at,
        max_by(load_id, loaded_at) as load_id

    from files

    where
        mode = 'replace'
        and feed is null
        and not is_held

    group by all

),

-- A catalogue without a record lists nothing, and is no whole one.

whole_catalogues as (

    select
        tenant_id,
        source,
        entity,
        feed,
        max(loaded_at) as loaded_at

    from files

    where
        mode = 'snapshot'
        and accepted_count > 0
        and not is_held

    group by all

),

own_states as (

    select
        files.tenant_id,
        files.source,
        files.entity,
        files.load_id,
        files.file,
        case
            when files.is_held then 'held'
            when
                replaced_feeds.loaded_at > files.loaded_at
                or replaced_paths.loaded_at > files.loaded_at
                then 'replaced'
            when whole_catalogues.loaded_at > files.loaded_at then 'earlier'
            else 'counts'
        end as state,
        case
            when replaced_feeds.loaded_at > files.loaded_at then replaced_feeds.load_id
            when replaced_paths.loaded_at > files.loaded_at then replaced_paths.load_id
        end as replaced_by,
        files.corrects_load_id,
        files.corrects_file,
        files.loaded_at

    from files

    left join replaced_feeds
        on files.tenant_id = replaced_feeds.tenant_id
        and files.source = replaced_feeds.source
        and files.entity = replaced_feeds.entity
        and files.feed = replaced_feeds.feed

    left join replaced_paths
        on files.tenant_id = replaced_paths.tenant_id
        and files.source = replaced_paths.source
        and files.entity = replaced_paths.entity
        and files.path = replaced_paths.path

    left join whole_catalogues
        on files.tenant_id = whole_catalogues.tenant_id
        and files.source = whole_catalogues.source
        and files.entity = whole_catalogues.entity
        and files.feed is not distinct from whole_catalogues.feed

),

file_states as (

    select
        own_states.tenant_id,
        own_states.source,
        own_states.entity,
        own_states.load_id,
        own_states.file,
        case
            when own_states.state = 'held' then 'held'
            else coalesce(corrected.state, own_states.state)
        end as state,
        coalesce(corrected.replaced_by, own_states.replaced_by) as replaced_by,
        own_states.loaded_at

    from own_states

    left join own_states as corrected
        on own_states.tenant_id = corrected.tenant_id
        and own_states.source = corrected.source
        and own_states.entity = corrected.entity
        and own_states.corrects_load_id = corrected.load_id
        and own_states.corrects_file = corrected.file

)

select * from file_states
