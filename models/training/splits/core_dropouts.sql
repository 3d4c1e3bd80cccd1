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

pairs as (
    select
        splits.split_number,
        interactions.user_key,
        interactions.item_key,
        count(*) as positive_count
    from {{ ref('interactions') }} as interactions
    inner join splits
        on interactions.tenant_id = splits.tenant_id
    where interactions.is_positive
    group by all
),

members as (

    select
        split_number,
        'user' as entity,
        user_key as entity_key,
        cast(sum(positive_count) as bigint) as positive_count

    from pairs

    group by all

    union all

    select
        split_number,
        'item' as entity,
        item_key as entity_key,
        cast(sum(positive_count) as bigint) as positive_count

    from pairs

    group by all

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
                members.split_number asc, members.entity asc, members.entity_key asc
        ) as node

    from members

    inner join splits using (split_number)

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
        and pairs.user_key = users.entity_key

    inner join numbered_members as items
        on pairs.split_number = items.split_number
        and items.entity = 'item'
        and pairs.item_key = items.entity_key

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

fallen as (
    select numbered_members.*
    from numbered_members
    inner join fallen_nodes using (node)
),

core_dropouts as (

    select
        fallen.tenant_id,
        fallen.split_name,
        fallen.entity,
        users.user_id as entity_id,
        fallen.split_number,
        fallen.entity_key,
        fallen.positive_count

    from fallen

    inner join {{ ref('users') }} as users
        on fallen.entity_key = users.user_key

    where fallen.entity = 'user'

    union all

    select
        fallen.tenant_id,
        fallen.split_name,
        fallen.entity,
        items.item_id as entity_id,
        fallen.split_number,
        fallen.entity_key,
        fallen.positive_count

    from fallen

    inner join {{ ref('items') }} as items
        on fallen.entity_key = items.item_key

    where fallen.entity = 'item'

)

select * from core_dropouts
