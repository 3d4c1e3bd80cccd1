{#-
    One row per tenant, source, entity, load and rule that applied to any of its values:
    how many it was applied to and how many broke it, records that were corrected and
    replayed left out of the latter. `record.readable` is the rule that a record can
    be read.
-#}
-- depends_on: {{ ref('tenant_settings') }}
-- depends_on: {{ ref('tenant_times') }}
-- depends_on: {{ ref('event_types') }}

{%- set load_key = ['tenant_id', 'source', 'entity', 'load_id'] %}

with

rules as (

    {% for source, entity in contract_entities() -%}
    {%- set outer_loop = loop -%}
    {% for reason in contract_reasons(source, entity) -%}
    select
        '{{ source }}' as source,
        '{{ entity }}' as entity,
        '{{ reason }}' as rule,
        '{{ reason.rpartition('.')[0] }}' as column_name,
        '{{ reason.rpartition('.')[2] }}' as rule_name
    {{ "union all" if not loop.last or not outer_loop.last }}
    {% else -%}
    select
        '{{ source }}' as source,
        '{{ entity }}' as entity,
        'none' as rule,
        'none' as column_name,
        'none' as rule_name
    {{ "union all" if not outer_loop.last }}
    {% endfor -%}
    {% endfor -%}

),

column_counts as (
    select * from {{ ref('column_counts') }}
),

record_counts as (
    select * from {{ ref('record_counts') }}
),

rejected_records as (
    select
        {{ load_key | join(", ") }},
        reasons,
        status != 'resolved' and (status = 'open' or replay_of is null) as is_failing
    from {{ ref('rejected_records') }}
),

thresholds as (
    select
        tenant_id,
        source,
        entity,
        threshold
    from {{ ref('feed_thresholds') }}
    where dimension = 'acceptance'
),

broken_rules as (
    select
        *,
        {{ rows_of("reasons") }} as rule
    from rejected_records
),

broken as (
    select
        {{ load_key | join(", ") }},
        rule,
        count(*) as broken_count,
        count(*) filter (is_failing) as failed_count
    from broken_rules
    group by all
),

untyped as (
    select
        {{ load_key | join(", ") }},
        split_part(rule, '.', 1) as column_name,
        broken_count as untyped_count
    from broken
    where rule like '%.type'
),

checked as (

    select
        column_counts.tenant_id,
        column_counts.source,
        column_counts.entity,
        column_counts.load_id,
        rules.rule,
        case rules.rule_name
            when 'required' then column_counts.record_count
            when 'type'
                then column_counts.typed_count + coalesce(untyped.untyped_count, 0)
            else column_counts.typed_count
        end as checked_count

    from column_counts

    inner join rules
        on column_counts.source = rules.source
        and column_counts.entity = rules.entity
        and column_counts.column_name = rules.column_name

    left join untyped
        on column_counts.tenant_id = untyped.tenant_id
        and column_counts.source = untyped.source
        and column_counts.entity = untyped.entity
        and column_counts.load_id = untyped.load_id
        and column_counts.column_name = untyped.column_name

),

of_values as (

    select
        checked.tenant_id,
        checked.source,
        checked.entity,
        checked.load_id,
        checked.rule,
        checked.checked_count,
        coalesce(broken.failed_count, 0) as failed_count

    from checked

    left join broken
        on checked.tenant_id = broken.tenant_id
        and checked.source = broken.source
        and checked.entity = broken.entity
        and checked.load_id = broken.load_id
        and checked.rule = broken.rule

),

of_records as (
    select
        {{ load_key | join(", ") }},
        'record.readable' as rule,
        landed_count as checked_count,
        failing_unreadable_count as failed_count
    from record_counts
),

of_both as (

    select * from of_values
    union all
    select * from of_records

),

rule_counts as (

    select
        of_both.tenant_id,
        of_both.source,
        of_both.entity,
        of_both.load_id,
        of_both.rule,
        of_both.checked_count,
        of_both.failed_count,
        thresholds.threshold

    from of_both

    inner join thresholds
        on of_both.tenant_id = thresholds.tenant_id
        and of_both.source = thresholds.source
        and of_both.entity = thresholds.entity

    where of_both.checked_count > 0

)

select * from rule_counts
