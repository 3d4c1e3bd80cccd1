{#-
    One row per tenant, split, fold and item of which train has a positive: how popular
    it is there. Counted over train alone: popularity that has seen test would leak.
-#}

with

train_positives as (

    select
        tenant_id,
        user_id,
        item_id,
        split_name,
        fold

    from {{ ref('split_assignments') }}

    where split = 'train'

),

items as (

    select
        tenant_id,
        item_id,
        item_index

    from {{ ref('items') }}

),

train_pairs as (

    select *

    from train_positives

    group by
        tenant_id,
        user_id,
        item_id,
        split_name,
        fold

),

train_users as (

    select
        tenant_id,
        split_name,
        fold,
        count(distinct user_id) as train_user_count

    from train_pairs

    group by
        tenant_id,
        split_name,
        fold

),

user_counts as (

    select
        tenant_id,
        item_id,
        split_name,
        fold,
        count(*) as user_count

    from train_pairs

    group by
        tenant_id,
        item_id,
        split_name,
        fold

),

placed_items as (

    select
        *,
        row_number() over (
            partition by
                tenant_id,
                split_name,
                fold
            order by
                user_count desc,
                item_id asc
        ) as place,
        count(*) over (
            partition by
                tenant_id,
                split_name,
                fold
        ) as item_count

    from user_counts

),

item_popularity as (

    select
        placed_items.tenant_id,
        placed_items.item_id,
        placed_items.split_name,
        placed_items.fold,
        items.item_index,
        placed_items.user_count,
        train_users.train_user_count,
        5 * (placed_items.place - 1) < placed_items.item_count as is_head

    from placed_items

    inner join items
        on placed_items.tenant_id = items.tenant_id
        and placed_items.item_id = items.item_id

    inner join train_users
        on placed_items.tenant_id = train_users.tenant_id
        and placed_items.split_name = train_users.split_name
        and placed_items.fold = train_users.fold

)

select * from item_popularity
