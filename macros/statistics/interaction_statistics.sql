{#-
    A query of one row per group of interactions: the figures that dataset_statistics and
    split_statistics share. `relation` has the key columns, user_key, item_key and
    interacted_at; a group without rows has none here.
-#}
{% macro interaction_statistics(relation, keys) -%}
    {%- set relation = checked_expression(
        "interaction_statistics", "relation", relation
    ) -%}
    {%- if keys is string or not keys -%}
        {{ exceptions.raise_compiler_error(
            "interaction_statistics: keys must be a non-empty list of columns, not '"
            ~ keys ~ "'"
        ) }}
    {%- endif -%}
    {%- set columns = keys | join(", ") -%}
    with

    item_counts as (

        select
            {{ columns }},
            item_key,
            count(*) as interaction_count

        from {{ relation }}

        group by {{ columns }}, item_key

    ),

    user_counts as (

        select
            {{ columns }},
            user_key,
            count(*) as interaction_count,
            count(distinct item_key) as unique_item_count

        from {{ relation }}

        group by {{ columns }}, user_key

    ),

    ranked_items as (

        select
            *,
            row_number() over (
                partition by {{ columns }}
                order by interaction_count asc, item_key asc
            ) as place

        from item_counts

    ),

    ranked_users as (

        select
            *,
            row_number() over (
                partition by {{ columns }}
                order by interaction_count asc, user_key asc
            ) as place

        from user_counts

    ),

    item_statistics as (

        select
            {{ columns }},
            count(*) as items,
            {{ gini("place", "interaction_count") }} as item_gini

        from ranked_items

        group by {{ columns }}

    ),

    user_statistics as (

        select
            {{ columns }},
            count(*) as users,
            cast(sum(interaction_count) as bigint) as interactions,
            cast(sum(unique_item_count) as bigint) as pairs,
            {{ gini("place", "interaction_count") }} as user_gini

        from ranked_users

        group by {{ columns }}

    ),

    user_instants as (

        select
            {{ columns }},
            user_key,
            interacted_at,
            count(*) as interaction_count

        from {{ relation }}

        where interacted_at is not null

        group by {{ columns }}, user_key, interacted_at

    ),

    user_times as (

        select
            {{ columns }},
            user_key,
            sum(interaction_count) as timed_count,
            sum(interaction_count) filter (where interaction_count > 1) as tied_count,
            max_by(interaction_count, interacted_at) as last_count,
            min(interacted_at) as first_interacted_at,
            max(interacted_at) as last_interacted_at

        from user_instants

        group by {{ columns }}, user_key

    ),

    time_statistics as (

        select
            {{ columns }},
            coalesce(sum(tied_count), 0) / sum(timed_count) as tie_rate,
            count(*) filter (where last_count > 1) / count(*) as tied_last_share,
            min(first_interacted_at) as first_interacted_at,
            max(last_interacted_at) as last_interacted_at

        from user_times

        group by {{ columns }}

    )

    select
        user_statistics.*,
        item_statistics.items,
        item_statistics.item_gini,
        user_statistics.interactions / (user_statistics.users * item_statistics.items)
            as density,
        (user_statistics.interactions - user_statistics.pairs)
        / user_statistics.interactions as repeat_rate,
        (
            epoch_us(time_statistics.last_interacted_at)
            - epoch_us(time_statistics.first_interacted_at)
        ) / 86400000000 as span_days,
        time_statistics.tie_rate,
        time_statistics.tied_last_share,
        time_statistics.first_interacted_at,
        time_statistics.last_interacted_at

    from user_statistics

    inner join item_statistics
        on {% for key in keys -%}
            {{ "and " if not loop.first }}user_statistics.{{ key }}
            = item_statistics.{{ key }}
        {% endfor %}
    left join time_statistics
        on {% for key in keys -%}
            {{ "and " if not loop.first }}user_statistics.{{ key }}
            = time_statistics.{{ key }}
        {% endfor %}
{%- endmacro %}
