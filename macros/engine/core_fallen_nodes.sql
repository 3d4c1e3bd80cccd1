{#-
    The nodes that the iterative k-core filter drops, as a query of (node). `nodes` has
    (node, edge_count, minimum_count); `edges` has (node, neighbour, edge_count), each
    edge in both directions. In each pass the nodes that have just fallen below their
    minimum take their edges from the neighbours that still stand; the last pass is the
    one in which none falls. Every node falls once at most, so that it ends, and each pass
    touches only the edges of the nodes that fell in the one before it.
-#}
{% macro core_fallen_nodes(nodes, edges) %}
    {%- set nodes = checked_expression("core_fallen_nodes", "nodes", nodes) -%}
    {%- set edges = checked_expression("core_fallen_nodes", "edges", edges) -%}
    {{- return(adapter.dispatch("core_fallen_nodes", "winnow")(nodes, edges)) -}}
{% endmacro %}

{% macro default__core_fallen_nodes(nodes, edges) -%}
    with recursive

    core (node, edge_count, minimum_count) using key (node) as (

        select
            node,
            edge_count,
            minimum_count

        from {{ nodes }}

        union

        select
            standing.node,
            cast(standing.edge_count - sum(edges.edge_count) as bigint) as edge_count,
            standing.minimum_count

        from core as fallen

        inner join {{ edges }} as edges
            on fallen.node = edges.node

        inner join recurring.core as standing
            on edges.neighbour = standing.node

        where
            fallen.edge_count < fallen.minimum_count
            and standing.edge_count >= standing.minimum_count

        group by
            standing.node,
            standing.edge_count,
            standing.minimum_count

    )

    select node from core where edge_count < minimum_count
{%- endmacro %}
