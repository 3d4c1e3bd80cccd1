{#-
    The CTEs of the first way of drawn_items, twice: draws from the whole line of items,
    `kept_draws_1` and `kept_draws_2`, and the requests whose draws were thrown away, the
    last of them `refused_requests_2`. Needs the CTEs `requests` and `seen_items`.
-#}
{% macro first_draws() -%}
{%- set seen_pair = "user_number * 2147483648 + item_position" -%}
{%- for attempt in [1, 2] %}
open_requests_{{ attempt }} as {{ inlined() if attempt == 1 else '' }} (

    {% if attempt == 1 -%}
    select
        *,
        request_key as attempt_key

    from requests

    where is_drawn_first
    {%- else -%}
    select
        open_requests_{{ attempt - 1 }}.* exclude (attempt_key),
        {{ mixed_bits(bitwise_xor(
            'open_requests_' ~ (attempt - 1) ~ '.attempt_key', '2246822507'
        )) }} as attempt_key

    from open_requests_{{ attempt - 1 }}

    semi join refused_requests_{{ attempt - 1 }}
        on open_requests_{{ attempt - 1 }}.request_number
        = refused_requests_{{ attempt - 1 }}.request_number
    {%- endif %}

),

-- Up to eight draws are compared one by one, several times as fast as in a list.
first_keys_{{ attempt }} as (

    select
        {% for draw in range(1, 9) -%}
        {{ bitwise_xor('attempt_key', numbered_bits(draw | string)) }} as key_{{ draw }},
        {% endfor -%}
        request_number,
        draw_count,
        item_count,
        attempt_key

    from open_requests_{{ attempt }}

),

first_positions_{{ attempt }} as (

    select
        {% for draw in range(1, 9) -%}
        case
            when draw_count >= {{ draw }}
                then {{ scaled_draw(mixed_bits('key_' ~ draw), 'item_count') }}
        end as position_{{ draw }},
        {% endfor -%}
        request_number,
        draw_count,
        item_count,
        attempt_key

    from first_keys_{{ attempt }}

),

repeating_requests_{{ attempt }} as (

    select request_number

    from first_positions_{{ attempt }}

    where
        {% for draw in range(2, 9) -%}
        {% for earlier in range(1, draw) -%}
        position_{{ earlier }} = position_{{ draw }} or {% endfor %}
        {% endfor -%}
        case
            when draw_count > 8
                then
                    list_unique({{ independent_draws(
                        'attempt_key', 'draw_count', 'item_count'
                    ) }}) < draw_count
            else false
        end

),

keyed_draws_{{ attempt }} as {{ inlined() }} (

    select
        interaction_order,
        user_number,
        request_number,
        draw_count,
        item_count,
        pool_size,
        first_item_number,
        attempt_key,
        {{ numbers_below('1', 'draw_count + 1') }} as draw

    from open_requests_{{ attempt }}

),

mixed_draws_{{ attempt }} as {{ inlined() }} (

    select
        *,
        {{ bitwise_xor('attempt_key', numbered_bits('draw')) }} as draw_key

    from keyed_draws_{{ attempt }}

),

draws_{{ attempt }} as {{ inlined() }} (

    select
        *,
        {{ scaled_draw(mixed_bits('draw_key'), 'item_count') }} as item_position

    from mixed_draws_{{ attempt }}

),

refused_requests_{{ attempt }} as (

    select request_number

    from draws_{{ attempt }}

    where
        {{ seen_pair }} in (select {{ seen_pair }} from seen_items)
        {%- if attempt == 1 %}
        -- Never true. DuckDB takes the draws for few and would hash them instead of
        -- what was seen; with an `or` it cannot.
        or draw is null
        {%- endif %}

    union

    select request_number

    from repeating_requests_{{ attempt }}

),

kept_draws_{{ attempt }} as (

    select
        draws_{{ attempt }}.interaction_order,
        draws_{{ attempt }}.user_number,
        draws_{{ attempt }}.draw,
        draws_{{ attempt }}.first_item_number + draws_{{ attempt }}.item_position
            as item_number,
        draws_{{ attempt }}.draw_count / draws_{{ attempt }}.pool_size
            as sampling_probability

    from draws_{{ attempt }}

    anti join refused_requests_{{ attempt }}
        on draws_{{ attempt }}.request_number
        = refused_requests_{{ attempt }}.request_number

),
{% endfor %}
{%- endmacro %}
