{#-
    One row per tenant, split, fold and item of which train has a positive: how popular
    it is there. Counted over train alone: popularity that has seen test would leak.
-#}

with

train_pairs as (
    select
        split_number,
        fold,
        user_key,
        item_key,
        any_value(split_name) as split_name
    from {{ ref('split_assignments') }}
    where split = 'train'
    group by split_number, fold, user_key, item_key
),

train_users as (
    select
        split_number,
        fold,
        count(distinct user_key) as train_user_count
    from train_pairs
    group by all
),

item_counts as (
    select
        split_number,
        fold,
        item_key,
        any_value(split_name) as split_name,
        count(*) as user_count
    from train_pairs
    group by split_number, fold, item_key
),

placed_items as (

    select
        items.tenant_id,
        items.item_id,
        items.item_index,
        item_counts.*,
        row_number() over (
            partition by item_counts.split_number, item_counts.fold
            order by item_counts.user_count desc, items.item_id asc
        ) as place,
        count(*) over (
            partition by item_counts.split_number, item_counts.fold
        ) as item_count

    from item_counts

    inner join {{ ref('items') }} as items
        on item_counts.item_key = items.item_key

),

item_popularity as (

    select
        placed_items.tenant_id,
        placed_items.item_id,
        placed_items.split_name,
        placed_items.split_number,
        placed_items.item_key,
        placed_items.fold,
        placed_items.item_index,
        placed_items.user_count,
        train_users.train_user_count,
        5 * (placed_items.place - 1) < placed_items.item_count as is_head

    from placed_items

    inner join train_users
        on placed_items.split_number = train_users.split_number
        and placed_items.fold = train_users.fold

)

select * from item_popularity
