{#-
    The CTEs of the regularised bias model, fitted by alternating least squares: item
    biases from the user biases, then user biases from the item biases, `count` times,
    beginning with user biases of 0:

        item bias = sum(rating - mean - user bias) / (item_regularisation + ratings)
        user bias = sum(rating - mean - item bias) / (user_regularisation + ratings)

    `pairs` is a CTE of (user_number, item_number), one row per rating. `users` and `items`
    are CTEs of (user_number or item_number, rating_count, rating_millionths, mean), with
    the mean of all ratings of their scope. The results are the CTEs item_biases and
    user_biases. Biases are kept in whole trillionths, so that their sums do not depend on
    the order of the rows.
-#}
{% macro bias_alternations(
    pairs, users, items, count, user_regularisation, item_regularisation
) -%}
    {%- set pairs = checked_expression("bias_alternations", "pairs", pairs) -%}
    {%- set users = checked_expression("bias_alternations", "users", users) -%}
    {%- set items = checked_expression("bias_alternations", "items", items) -%}
    {%- if count is not integer or count < 1 -%}
        {{ exceptions.raise_compiler_error(
            "bias_alternations: count must be a whole number from 1 on, not '"
            ~ count ~ "'"
        ) }}
    {%- endif -%}
    {%- set sides = [
        ("item", "user", items, item_regularisation),
        ("user", "item", users, user_regularisation),
    ] -%}
    {%- for alternation in range(1, count + 1) %}
    {%- for side, other, totals, regularisation in sides %}
    {%- set is_last = alternation == count -%}
    {%- set other_biases = "user_biases_" ~ (alternation - 1) -%}
    {%- if side == "user" -%}
        {%- set other_biases = "item_biases" ~ ("" if is_last else "_" ~ alternation) -%}
    {%- endif -%}
    {%- set is_first = side == "item" and alternation == 1 %}
    {{ side }}_biases{{ "" if is_last else "_" ~ alternation }} as {{ written_out() }} (

        select
            totals.{{ side }}_number,
            {{ trillionths(
                "(totals.rating_millionths / 1e6 - totals.rating_count * totals.mean"
                ~ ("" if is_first else " - coalesce(sums.bias_sum, 0) / 1e12")
                ~ ") / (" ~ regularisation ~ " + totals.rating_count)"
            ) }} as bias

        from {{ totals }} as totals
        {%- if not is_first %}

        left join (
            select
                pairs.{{ side }}_number,
                sum(biases.bias) as bias_sum

            from {{ pairs }} as pairs

            inner join {{ other_biases }} as biases
                on pairs.{{ other }}_number = biases.{{ other }}_number

            group by pairs.{{ side }}_number
        ) as sums
            on totals.{{ side }}_number = sums.{{ side }}_number
        {%- endif %}

    ){{ "," if not (is_last and side == "user") }}
    {% endfor -%}
    {%- endfor %}
{%- endmacro %}
