{#-
    Codes of a tenant are 1 to the number of its rows; erased users and items keep theirs.
    Together with uniqueness, which the code maps test, that leaves no gap.
-#}

with

codes as (

    select
        tenant_id,
        'user' as entity,
        user_index as code

    from {{ ref('user_codes') }}

    union all

    select
        tenant_id,
        'item' as entity,
        item_index as code

    from {{ ref('item_codes') }}

)

select
    tenant_id,
    entity,
    count(*) as code_count,
    min(code) as first_code,
    max(code) as last_code

from codes

group by
    tenant_id,
    entity

having min(code) != 1 or max(code) != count(*)
