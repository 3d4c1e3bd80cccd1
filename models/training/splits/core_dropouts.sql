{#-
    One row per tenant, split and user or item that the split's k-core filter drops: those
    with fewer positives than the split's minimum, and those that have fewer once others
    are dropped, and so on until nothing changes. Positives are counted, not distinct
    pairs. Splits without a minimum have no rows. The linter's grammar lacks DuckDB's
    `using key`, so that it cannot see what the macro reads.
-#}

with

splits as (

    select
        tenant_id,
        split_name,
        split_number,
        coalesce(minimum_user_positives, 0) as minimum_user_positives,
        coalesce(minimum_item_positives, 0) as minimum_item_positives

    from {{ ref('splits') }}

    where minimum_user_positives is not null or minimum_item_positives is not null

),

interactions as (

    select
        tenant_id,
        user_id,
        item_id

    from {{ ref('interactions') }}

    where is_positive

),

pairs as (

    select
        splits.split_number,
        interactions.user_id,
        interactions.item_id,
        count(*) as positive_count

    from interactions

    inner join splits
        on interactions.tenant_id = splits.tenant_id

    group by
        splits.split_number,
        interactions.user_id,
        interactions.item_id

),

members as (

    select
        split_number,
        'user' as entity,
        user_id as entity_id,
        cast(sum(positive_count) as bigint) as positive_count

    from pairs

    group by
        split_number,
        user_id

    union all

    select
        split_number,
        'item' as entity,
        item_id as entity_id,
        cast(sum(positive_count) as bigint) as positive_count

    from pairs

    group by
        split_number,
        item_id

),

numbered_members as (

    select
        splits.tenant_id,
        splits.split_name,
        members.*,
        case members.entity
            when 'user' then splits.minimum_user_positives
            else splits.minimum_item_positives
        end as minimum_count,
        row_number() over (
            order by
                members.split_number asc, members.entity asc, members.entity_id asc
        ) as node

    from members

    inner join splits
        on members.split_number = splits.split_number

),

nodes as (  -- noqa: ST03

    select
        node,
        positive_count as edge_count,
        minimum_count

    from numbered_members

),

numbered_pairs as (

    select
        users.node as user_node,
        items.node as item_node,
        pairs.positive_count as edge_count

    from pairs

    inner join numbered_members as users
        on pairs.split_number = users.split_number
        and users.entity = 'user'
        and pairs.user_id = users.entity_id

    inner join numbered_members as items
        on pairs.split_number = items.split_number
        and items.entity = 'item'
        and pairs.item_id = items.entity_id

),

edges as (  -- noqa: ST03

    select
        user_node as node,
        item_node as neighbour,
        edge_count

    from numbered_pairs

    union all

    select
        item_node as node,
        user_node as neighbour,
        edge_count

    from numbered_pairs

),

fallen_nodes as (

    {{ core_fallen_nodes('nodes', 'edges') }}  -- noqa: PRS

),

core_dropouts as (

    select
        numbered_members.tenant_id,
        numbered_members.split_name,
        numbered_members.entity,
        numbered_members.entity_id,
        numbered_members.positive_count

    from fallen_nodes

    inner join numbered_members
        on fallen_nodes.node = numbered_members.node

)

select * from core_dropouts
