{#-
    One row per landed interaction record of any source: whether a time was given. A view
    of its own, because the staged records cost ten times as much to count.
-#}

{%- set time_columns = {
    ('canonical', 'interactions'): 'interacted_at',
    ('microlens', 'pairs'): 'timestamp',
    ('movielens', 'ratings'): 'timestamp',
    ('recomart', 'transactions'): 'timestamp',
} %}

with

landed as (

    {% for (source_name, entity), column in time_columns.items() -%}
    select
        tenant_id,
        {{ adapter.quote(column) }} as time_text,
        load_id,
        loaded_at

    from {{ source(source_name, entity) }}

    {{ "union all" if not loop.last }}

    {% endfor -%}
),

interaction_times as (
    select
        tenant_id,
        load_id,
        {{ clean_text('time_text', var('missing_tokens')) }} is not null as has_time,
        loaded_at
    from landed
)

select * from interaction_times
