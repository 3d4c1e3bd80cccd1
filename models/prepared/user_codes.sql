{#-
    One row per tenant and code: 1, 2, 3, ... in the order of the load that first brought
    the user, ties by user_id; 0 is left for padding and for what is unknown. Rows are only
    ever added, also with --full-refresh, so that a code means the same user for good: an
    erased user's row stays with a null user_id, and its code is never given again.
    All records count, also those that a later load replaced, so that a build after each
    load gives the codes of one build after all of them.
-#}

{{ config(
    materialized="incremental",
    incremental_strategy="append",
    full_refresh=false,
    on_schema_change="fail",
) }}

with

user_records as (

    select
        tenant_id,
        user_id,
        min(loaded_at) as loaded_at

    from {{ ref('user_records') }}

    group by
        tenant_id,
        user_id

),

interaction_records as (

    select
        tenant_id,
        user_id,
        min(loaded_at) as loaded_at

    from {{ ref('interaction_records') }}

    group by
        tenant_id,
        user_id

),

records as (

    select * from user_records
    union all
    select * from interaction_records

),

loaded_users as (

    select
        tenant_id,
        user_id,
        min(loaded_at) as first_loaded_at

    from records

    group by
        tenant_id,
        user_id

),

{% if is_incremental() -%}

coded as (

    select
        tenant_id,
        user_id,
        user_index

    from {{ this }}

),

last_codes as (

    select
        tenant_id,
        max(user_index) as last_index

    from coded

    group by tenant_id

),

new_users as (

    select
        loaded_users.tenant_id,
        loaded_users.user_id,
        coalesce(last_codes.last_index, 0) as last_index,
        loaded_users.first_loaded_at

    from loaded_users

    left join coded
        on loaded_users.tenant_id = coded.tenant_id
        and loaded_users.user_id = coded.user_id

    left join last_codes
        on loaded_users.tenant_id = last_codes.tenant_id

    where coded.user_index is null

),

{%- else -%}

new_users as (

    select
        tenant_id,
        user_id,
        cast(0 as bigint) as last_index,
        first_loaded_at

    from loaded_users

),

{%- endif %}

new_codes as (

    select
        tenant_id,
        user_id,
        last_index + row_number() over (
            partition by tenant_id
            order by first_loaded_at asc, user_id asc
        ) as user_index,
        first_loaded_at

    from new_users

)

select * from new_codes
