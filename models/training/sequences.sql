{#-
    One row per tenant, split method, fold, user and split in which the user has a positive:
    the user's last positive of that split is the target, and what came before it the
    history. The history holds positives of the same or an earlier split only (train, then
    validation, then test), so that a method that is not cut by time leaks no later split.
    Order is interaction_order throughout, which is total: positives of one instant stand in
    it one after the other, and data without times has one too.
    Places are counted per user in one pass, once for each split that a target can be in;
    of the positives only those within sequence_length places of a target are collected.
-#}

{%- set place_at_target -%}
    case targets.split
        when 'train' then placed.train_place
        when 'validation' then placed.validation_place
        else placed.test_place
    end
{%- endset %}

with

split_assignments as (

    select
        tenant_id,
        user_id,
        item_id,
        split_name,
        split,
        fold,
        interaction_order,
        interacted_at

    from {{ ref('split_assignments') }}

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

tenants as (

    select
        tenant_id,
        sequence_length

    from {{ ref('tenants') }}

),

placed as (

    select
        *,
        case split
            when 'train' then 1
            when 'validation' then 2
            when 'test' then 3
        end as split_rank,
        count(*) filter (where split = 'train') over user_history as train_place,
        count(*) filter (where split in ('train', 'validation')) over user_history
            as validation_place,
        count(*) over user_history as test_place

    from split_assignments

    where split in ('train', 'validation', 'test')

    window user_history as (
        partition by tenant_id, split_name, fold, user_id
        order by interaction_order asc
        rows between unbounded preceding and current row
    )

),

targets as (

    select
        placed.tenant_id,
        placed.user_id,
        placed.split_name,
        placed.split,
        placed.fold,
        tenants.sequence_length,
        placed.split_rank,
        max(
            case placed.split
                when 'train' then placed.train_place
                when 'validation' then placed.validation_place
                else placed.test_place
            end
        ) as target_place

    from placed

    inner join tenants
        on placed.tenant_id = tenants.tenant_id

    group by
        placed.tenant_id,
        placed.user_id,
        placed.split_name,
        placed.split,
        placed.fold,
        tenants.sequence_length,
        placed.split_rank

),

near_targets as (

    select
        targets.tenant_id,
        targets.user_id,
        placed.item_id,
        targets.split_name,
        targets.split,
        targets.fold,
        targets.target_place,
        {{ place_at_target }} as place,
        placed.interacted_at

    from placed

    inner join targets
        on placed.tenant_id = targets.tenant_id
        and placed.split_name = targets.split_name
        and placed.fold = targets.fold
        and placed.user_id = targets.user_id

    where
        placed.split_rank <= targets.split_rank
        and {{ place_at_target }} <= targets.target_place
        and {{ place_at_target }} >= targets.target_place - targets.sequence_length

),

collected as (

    select
        near_targets.tenant_id,
        near_targets.user_id,
        near_targets.split_name,
        near_targets.split,
        near_targets.fold,
        max(near_targets.item_id) filter (
            where near_targets.place = near_targets.target_place
        ) as next_item_id,
        {{ ordered_list(
            "items.item_index",
            "near_targets.place",
            "near_targets.place < near_targets.target_place",
        ) }} as item_indexes,
        max(items.item_index) filter (
            where near_targets.place = near_targets.target_place
        ) as next_item_index,
        count(*) - 1 as history_length,
        max(near_targets.target_place) - 1 as full_history_length,
        max(near_targets.interacted_at) filter (
            where near_targets.place = near_targets.target_place
        ) as next_interacted_at

    from near_targets

    left join items
        on near_targets.tenant_id = items.tenant_id
        and near_targets.item_id = items.item_id

    group by
        near_targets.tenant_id,
        near_targets.user_id,
        near_targets.split_name,
        near_targets.split,
        near_targets.fold

),

sequences as (

    select
        collected.tenant_id,
        collected.user_id,
        collected.split_name,
        collected.split,
        collected.next_item_id,
        collected.fold,
        users.user_index,
        collected.item_indexes,
        collected.next_item_index,
        collected.history_length,
        collected.full_history_length,
        collected.next_interacted_at

    from collected

    left join users
        on collected.tenant_id = users.tenant_id
        and collected.user_id = users.user_id

)

select * from sequences
