{#-
    An aggregate: the values of the rows that keep the condition as a list, in the order of
    a key that is unique within the group; an empty list where no row does. DuckDB's own
    ordered aggregate keeps a sort for each group, which with a million groups does not
    fit into memory; a list that is sorted when it is complete does.
-#}
{% macro ordered_list(element, order_key, condition) %}
    {%- set element = checked_expression("ordered_list", "element", element) -%}
    {%- set order_key = checked_expression("ordered_list", "order_key", order_key) -%}
    {%- set condition = checked_expression("ordered_list", "condition", condition) -%}
    {{- return(
        adapter.dispatch("ordered_list", "winnow")(element, order_key, condition)
    ) -}}
{% endmacro %}

{% macro default__ordered_list(element, order_key, condition) -%}
    coalesce(
        list_transform(
            list_sort(
                list(
                    struct_pack(order_key := {{ order_key }}, element := {{ element }})
                ) filter (where {{ condition }})
            ),
            lambda ordered: ordered.element
        ),
        []
    )
{%- endmacro %}

{% macro spark__ordered_list(element, order_key, condition) -%}
    transform(
        array_sort(
            collect_list(
                struct({{ order_key }} as order_key, {{ element }} as element)
            ) filter (where {{ condition }})
        ),
        ordered -> ordered.element
    )
{%- endmacro %}
