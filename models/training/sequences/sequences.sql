{#-
    One row per tenant, split method, fold, user and split in which the user has a positive:
    the user's last positive of that split is the target, and what came before it the
    history. The history holds positives of the same or an earlier split only (train, then
    validation, then test), so that a method that is not cut by time leaks no later split.
    Order is interaction_order throughout, which is total: positives of one instant stand in
    it one after the other, and data without times has one too.
    Places are counted per user in one pass, once for each split that a target can be in;
    of the positives only those within sequence_length places of a target are collected.
    DuckDB cannot spill lists that it collects: users are taken in parts, by their key,
    which it works off one after the other. Each part keeps its own `with`, or DuckDB would
    hold the placed positives of all parts at once. Rows do not depend on how many parts
    there are (the var sequence_parts).
-#}

{%- set parts = var("sequence_parts") -%}

{%- set place_at_target -%}
    case targets.split_rank
        when 1 then placed.train_place
        when 2 then placed.validation_place
        else placed.test_place
    end
{%- endset %}

with

split_assignments as {{ inlined() }} (
    select
        split,
        split_number,
        user_key,
        item_key,
        fold,
        interaction_order,
        interacted_at
    from {{ ref('split_assignments') }}
    where split in ('train', 'validation', 'test')
),

users as (
    select
        tenant_id,
        user_id,
        user_index,
        user_key
    from {{ ref('users') }}
),

items as (
    select
        item_id,
        item_index,
        item_key
    from {{ ref('items') }}
),

splits as (
    select
        splits.split_number,
        splits.split_name,
        tenants.sequence_length
    from {{ ref('splits') }} as splits
    inner join {{ ref('tenants') }} as tenants
        on splits.tenant_id = tenants.tenant_id
),

{% for part in range(parts) -%}

collected_{{ part }} as (

    with

    placed as (

        select
            split_number,
            fold,
            user_key,
            item_key,
            case split
                when 'train' then 1
                when 'validation' then 2
                else 3
            end as split_rank,
            count(*) filter (where split = 'train') over user_history as train_place,
            count(*) filter (where split in ('train', 'validation')) over user_history
                as validation_place,
            count(*) over user_history as test_place,
            interacted_at

        from split_assignments

        where user_key % {{ parts }} = {{ part }}

        window user_history as (
            partition by split_number, fold, user_key
            order by interaction_order asc
            rows between unbounded preceding and current row
        )

    ),

    targets as (

        select
            placed.split_number,
            placed.fold,
            placed.user_key,
            placed.split_rank,
            splits.sequence_length,
            max(
                case placed.split_rank
                    when 1 then placed.train_place
                    when 2 then placed.validation_place
                    else placed.test_place
                end
            ) as target_place

        from placed

        inner join splits
            on placed.split_number = splits.split_number

        group by all

    ),

    near_targets as (

        select
            targets.split_number,
            targets.fold,
            targets.user_key,
            targets.split_rank,
            targets.target_place,
            {{ place_at_target }} as place,
            placed.item_key,
            items.item_index,
            placed.interacted_at

        from placed

        inner join targets
            on placed.split_number = targets.split_number
            and placed.fold = targets.fold
            and placed.user_key = targets.user_key

        left join items
            on placed.item_key = items.item_key

        where
            placed.split_rank <= targets.split_rank
            and {{ place_at_target }} <= targets.target_place
            and {{ place_at_target }} >= targets.target_place - targets.sequence_length

    ),

    collected as (

        select
            split_number,
            fold,
            user_key,
            split_rank,
            {{ ordered_list("item_index", "place", "place < target_place") }}
                as item_indexes,
            max(item_key) filter (where place = target_place) as next_item_key,
            count(*) - 1 as history_length,
            max(target_place) - 1 as full_history_length,
            max(interacted_at) filter (where place = target_place) as next_interacted_at

        from near_targets

        group by
            split_number,
            fold,
            user_key,
            split_rank

    )

    select * from collected

),

{% endfor -%}

collected as (

    {% for part in range(parts) -%}
    select * from collected_{{ part }}
    {{ "union all" if not loop.last }}
    {% endfor %}
),

sequences as (

    select
        users.tenant_id,
        users.user_id,
        splits.split_name,
        case collected.split_rank
            when 1 then 'train'
            when 2 then 'validation'
            else 'test'
        end as split,
        items.item_id as next_item_id,
        collected.fold,
        users.user_index,
        collected.item_indexes,
        items.item_index as next_item_index,
        collected.history_length,
        collected.full_history_length,
        collected.next_interacted_at

    from collected

    inner join splits
        on collected.split_number = splits.split_number

    inner join users
        on collected.user_key = users.user_key

    left join items
        on collected.next_item_key = items.item_key

)

select * from sequences
