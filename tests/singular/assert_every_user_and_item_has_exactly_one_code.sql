{#-
    Each row of prepared.users and prepared.items stands in its code map once, under the
    code that the row carries.
-#}

with

{% for entity in ("user", "item") -%}

{{ entity }}_code_counts as (

    select
        {{ entity }}s.tenant_id,
        '{{ entity }}' as entity,
        {{ entity }}s.{{ entity }}_id as id,
        count(codes.{{ entity }}_index) as code_count,
        count(*) filter (
            where codes.{{ entity }}_index = {{ entity }}s.{{ entity }}_index
        ) as matching_count

    from {{ ref(entity ~ "s") }} as {{ entity }}s

    left join {{ ref(entity ~ "_codes") }} as codes
        on {{ entity }}s.tenant_id = codes.tenant_id
        and {{ entity }}s.{{ entity }}_id = codes.{{ entity }}_id

    group by
        {{ entity }}s.tenant_id,
        {{ entity }}s.{{ entity }}_id

),

{% endfor -%}

code_counts as (

    select * from user_code_counts
    union all
    select * from item_code_counts

)

select
    tenant_id,
    entity,
    id,
    code_count,
    matching_count

from code_counts

where code_count != 1 or matching_count != 1
