{#- Leakage: no negative is an item that its user interacted with, in any split. -#}

select
    negatives.tenant_id,
    negatives.interaction_id,
    negatives.user_id,
    negatives.item_id

from {{ ref('negatives') }} as negatives

semi join {{ ref('interactions') }} as interactions
    on negatives.tenant_id = interactions.tenant_id
    and negatives.user_id = interactions.user_id
    and negatives.item_id = interactions.item_id
