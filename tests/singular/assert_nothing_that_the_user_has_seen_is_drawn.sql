{#-
    Leakage: no negative and no evaluation candidate is an item that its user has seen, in
    any split.
-#}

with

draws as (

    select
        tenant_id,
        user_index,
        item_index,
        interaction_order,
        'negatives' as purpose

    from {{ ref('negative_draws') }}

    union all

    select
        tenant_id,
        user_index,
        item_index,
        interaction_order,
        'evaluation_candidates' as purpose

    from {{ ref('candidate_draws') }}

),

users as (

    select
        tenant_id,
        user_id,
        user_index

    from {{ ref('users') }}

),

items as (

    select
        tenant_id,
        item_id,
        item_index

    from {{ ref('items') }}

),

seen_pairs as (

    select
        interactions.tenant_id,
        users.user_index,
        items.item_index

    from {{ ref('interactions') }} as interactions

    inner join users
        on interactions.tenant_id = users.tenant_id
        and interactions.user_id = users.user_id

    inner join items
        on interactions.tenant_id = items.tenant_id
        and interactions.item_id = items.item_id

    where interactions.is_seen

)

select draws.*

from draws

semi join seen_pairs
    on draws.tenant_id = seen_pairs.tenant_id
    and draws.user_index = seen_pairs.user_index
    and draws.item_index = seen_pairs.item_index
