{#-
    One row per tenant, split method, fold, user and split in which the user has a positive:
    the user's last positive of that split is the target, and what came before it the
    history. The history holds positives of the same or an earlier split only (train, then
    validation, then test), so that a method that is not cut by time leaks no later split.
    Order is interaction_order throughout, which is total: positives of one instant stand in
    it one after the other, and data without times has one too.
    Places are counted per user in one pass, once for each split that a target can be in;
    of the positives only those within sequence_length places of a target are collected.
    DuckDB cannot spill lists that it collects: users are taken in parts, by their code,
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
        tenant_id,
        user_id,
        item_id,
        split_name,
        split,
        fold,
        interaction_order,
        interacted_at

    from {{ ref('split_assignments') }}

    where split in ('train', 'validation', 'test')

),

users as {{ inlined() }} (

    select
        tenant_id,
        user_id,
        user_index

    from {{ ref('users') }}

),

items as {{ inlined() }} (

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

{% for part in range(parts) -%}

collected_{{ part }} as (

    with

    placed as (

        select
            split_assignments.tenant_id,
            split_assignments.split_name,
            split_assignments.fold,
            users.user_index,
            items.item_index,
            case split_assignments.split
                when 'train' then 1
                when 'validation' then 2
                else 3
            end as split_rank,
            count(*) filter (where split_assignments.split = 'train')
                over user_history as train_place,
            count(*) filter (where split_assignments.split in ('train', 'validation'))
                over user_history as validation_place,
            count(*) over user_history as test_place,
            split_assignments.interacted_at

        from split_assignments

        inner join users
            on split_assignments.tenant_id = users.tenant_id
            and split_assignments.user_id = users.user_id

        left join items
            on split_assignments.tenant_id = items.tenant_id
            and split_assignments.item_id = items.item_id

        where users.user_index % {{ parts }} = {{ part }}

        window user_history as (
            partition by
                split_assignments.tenant_id,
                split_assignments.split_name,
                split_assignments.fold,
                users.user_index
            order by split_assignments.interaction_order asc
            rows between unbounded preceding and current row
        )

    ),

    targets as (

        select
            placed.tenant_id,
            placed.split_name,
            placed.fold,
            placed.user_index,
            placed.split_rank,
            tenants.sequence_length,
            max(
                case placed.split_rank
                    when 1 then placed.train_place
                    when 2 then placed.validation_place
                    else placed.test_place
                end
            ) as target_place

        from placed

        inner join tenants
            on placed.tenant_id = tenants.tenant_id

        group by
            placed.tenant_id,
            placed.split_name,
            placed.fold,
            placed.user_index,
            placed.split_rank,
            tenants.sequence_length

    ),

    near_targets as (

        select
            targets.tenant_id,
            targets.split_name,
            targets.fold,
            targets.user_index,
            targets.split_rank,
            targets.target_place,
            {{ place_at_target }} as place,
            placed.item_index,
            placed.interacted_at

        from placed

        inner join targets
            on placed.tenant_id = targets.tenant_id
            and placed.split_name = targets.split_name
            and placed.fold = targets.fold
            and placed.user_index = targets.user_index

        where
            placed.split_rank <= targets.split_rank
            and {{ place_at_target }} <= targets.target_place
            and {{ place_at_target }} >= targets.target_place - targets.sequence_length

    ),

    collected as (

        select
            tenant_id,
            split_name,
            fold,
            user_index,
            split_rank,
            {{ ordered_list("item_index", "place", "place < target_place") }}
                as item_indexes,
            max(item_index) filter (where place = target_place) as next_item_index,
            count(*) - 1 as history_length,
            max(target_place) - 1 as full_history_length,
            max(interacted_at) filter (where place = target_place) as next_interacted_at

        from near_targets

        group by
            tenant_id,
            split_name,
            fold,
            user_index,
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
        collected.tenant_id,
        users.user_id,
        collected.split_name,
        case collected.split_rank
            when 1 then 'train'
            when 2 then 'validation'
            else 'test'
        end as split,
        items.item_id as next_item_id,
        collected.fold,
        collected.user_index,
        collected.item_indexes,
        collected.next_item_index,
        collected.history_length,
        collected.full_history_length,
        collected.next_interacted_at

    from collected

    left join users
        on collected.tenant_id = users.tenant_id
        and collected.user_index = users.user_index

    left join items
        on collected.tenant_id = items.tenant_id
        and collected.next_item_index = items.item_index

)

select * from sequences
