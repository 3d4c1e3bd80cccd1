{#-
    An aggregate: the codes of the rows that keep the condition as a list, in the order of
    a number that is unique within the group; an empty list where no row does.
    Each pair travels as one bigint, order * 2^40 + code: DuckDB's own ordered aggregate
    keeps a sort for each group, and lists of pairs take more than twice the memory, which
    no aggregate of lists can spill. An order of 2^23 or more is an overflow error.
-#}
{% macro ordered_list(code, order_number, condition) %}
    {%- set code = checked_expression("ordered_list", "code", code) -%}
    {%- set order_number = checked_expression(
        "ordered_list", "order_number", order_number
    ) -%}
    {%- set condition = checked_expression("ordered_list", "condition", condition) -%}
    {{- return(
        adapter.dispatch("ordered_list", "winnow")(code, order_number, condition)
    ) -}}
{% endmacro %}

{% macro default__ordered_list(code, order_number, condition) -%}
    coalesce(
        list_transform(
            list_sort(
                list(({{ order_number }}) * 1099511627776 + ({{ code }})) filter (
                    where {{ condition }}
                )
            ),
            lambda pair: pair & 1099511627775
        ),
        []
    )
{%- endmacro %}

{% macro spark__ordered_list(code, order_number, condition) -%}
    transform(
        array_sort(
            collect_list(({{ order_number }}) * 1099511627776 + ({{ code }})) filter (
                where {{ condition }}
            )
        ),
        pair -> pair & 1099511627775
    )
{%- endmacro %}
