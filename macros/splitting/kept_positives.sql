{#-
    The CTEs `splits` and `kept_positives`: one row per split and positive that the split's
    k-core filter keeps.
-#}
{% macro kept_positives() -%}
splits as (

    select * from {{ ref('splits') }}

),

dropouts as (

    select split_number, entity, entity_key from {{ ref('core_dropouts') }}

),

kept_positives as {{ inlined() }} (

    select
        splits.split_number,
        splits.split_name,
        splits.method,
        interactions.*

    from {{ ref('interactions') }} as interactions

    inner join splits
        on interactions.tenant_id = splits.tenant_id

    anti join dropouts as dropped_users
        on splits.split_number = dropped_users.split_number
        and dropped_users.entity = 'user'
        and interactions.user_key = dropped_users.entity_key

    anti join dropouts as dropped_items
        on splits.split_number = dropped_items.split_number
        and dropped_items.entity = 'item'
        and interactions.item_key = dropped_items.entity_key

    where interactions.is_positive

)
{%- endmacro %}
