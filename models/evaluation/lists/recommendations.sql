{#-
    One row per list (tenant, split, fold, model, version, set of candidates), user and
    place: what was recommended to users who have something to find in test. A view: the
    places are stored in numbers, and ids are looked up for those that are asked for.
-#}

with

recommendation_places as (
    select
        list_number,
        user_index,
        rank,
        item_index,
        unlisted_item_id,
        score
    from {{ ref('recommendation_places') }}
),

recommendation_lists as (
    select
        tenant_id,
        split_name,
        model,
        model_version,
        candidates,
        fold,
        list_number
    from {{ ref('recommendation_lists') }}
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

recommendations as (

    select
        lists.tenant_id,
        users.user_id,
        coalesce(items.item_id, places.unlisted_item_id) as item_id,
        lists.split_name,
        lists.model,
        lists.model_version,
        lists.candidates,
        lists.fold,
        places.list_number,
        places.rank,
        places.user_index,
        places.item_index,
        places.score

    from recommendation_places as places

    left join recommendation_lists as lists
        on places.list_number = lists.list_number

    left join users
        on lists.tenant_id = users.tenant_id
        and places.user_index = users.user_index

    left join items
        on lists.tenant_id = items.tenant_id
        and places.item_index = items.item_index

)

select * from recommendations
