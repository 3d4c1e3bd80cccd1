{#-
    The names of a category path, parted by `|`, in its order and without blanks; an empty
    list when there is none.
-#}
{% macro category_names(category_path) -%}
    {%- set category_path = checked_expression(
        "category_names", "category_path", category_path
    ) -%}
    list_filter(
        list_transform(
            string_split(coalesce({{ category_path }}, ''), '|'),
            lambda category: trim(category)
        ),
        lambda category: category != ''
    )
{%- endmacro %}
