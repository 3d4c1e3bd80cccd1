{#-
    One row per tenant, split, fold, item and one of the items that its users have most
    often come across too, by the cosine of their users in train. Nearest first; equal
    cosines by item id. Only for tenants that want the baseline item_cosine.

    Bounded, so that no long history makes it quadratic: of each user only the newest
    cosine_history_limit items of train count, for the pairs and for an item's users
    alike, and of each item only the cosine_neighbour_limit nearest are kept. Lookups are
    left joins, although each finds its row: among inner ones the planner may begin with
    all users and all items of a tenant.
-#}

with

scopes as (
    select
        *,
        row_number() over (order by split_number asc, fold asc) as scope_number
    from {{ ref('baseline_runs') }}
    where model = 'item_cosine'
),

items as (
    select
        item_key,
        item_id,
        {{ number_of('item_id') }} as item_number
    from {{ ref('items') }}
),

train_pairs as (

    select
        scopes.scope_number,
        split_assignments.user_key,
        items.item_number,
        max(split_assignments.interaction_order) as last_order

    from {{ ref('split_assignments') }} as split_assignments

    inner join scopes
        on split_assignments.split_number = scopes.split_number
        and split_assignments.fold = scopes.fold

    left join items
        on split_assignments.item_key = items.item_key

    where split_assignments.split = 'train'

    group by all

),

placed_pairs as (
    select
        scope_number,
        user_key,
        item_number,
        row_number() over (
            partition by scope_number, user_key
            order by last_order desc
        ) as place
    from train_pairs
),

histories as (
    select
        scope_number,
        user_key,
        item_number
    from placed_pairs
    where place <= {{ var('cosine_history_limit') }}
),

item_counts as (
    select
        scope_number,
        item_number,
        count(*) as user_count
    from histories
    group by all
),

common_counts as (

    select
        histories.scope_number,
        histories.item_number,
        others.item_number as neighbour_number,
        count(*) as common_user_count

    from histories

    inner join histories as others
        on histories.scope_number = others.scope_number
        and histories.user_key = others.user_key
        and histories.item_number < others.item_number

    group by all

),

cosines as (

    select
        common_counts.scope_number,
        common_counts.item_number,
        common_counts.neighbour_number,
        common_counts.common_user_count,
        common_counts.common_user_count
        / sqrt(
            cast(item_counts.user_count as double)
            * cast(neighbour_counts.user_count as double)
        ) as cosine

    from common_counts

    left join item_counts
        on common_counts.scope_number = item_counts.scope_number
        and common_counts.item_number = item_counts.item_number

    left join item_counts as neighbour_counts
        on common_counts.scope_number = neighbour_counts.scope_number
        and common_counts.neighbour_number = neighbour_counts.item_number

),

both_ways as (

    select
        scope_number,
        item_number,
        neighbour_number,
        common_user_count,
        cosine

    from cosines

    union all

    select
        scope_number,
        neighbour_number as item_number,
        item_number as neighbour_number,
        common_user_count,
        cosine

    from cosines

),

nearest as (
    select
        *,
        row_number() over (
            partition by scope_number, item_number
            order by cosine desc, neighbour_number asc
        ) as place
    from both_ways
    qualify place <= {{ var('cosine_neighbour_limit') }}
),

item_neighbours as (

    select
        scopes.tenant_id,
        items.item_id,
        neighbours.item_id as neighbour_id,
        scopes.split_name,
        scopes.split_number,
        items.item_key,
        neighbours.item_key as neighbour_key,
        scopes.fold,
        nearest.place,
        nearest.common_user_count,
        nearest.cosine

    from nearest

    inner join scopes
        on nearest.scope_number = scopes.scope_number

    left join items
        on nearest.item_number = items.item_number

    left join items as neighbours
        on nearest.neighbour_number = neighbours.item_number

)

select * from item_neighbours
