{#- The negatives of one positive are different items. -#}

select
    tenant_id,
    interaction_id,
    item_id,
    count(*) as negative_count

from {{ ref('negatives') }}

group by
    tenant_id,
    interaction_id,
    item_id

having count(*) > 1
