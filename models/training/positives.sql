{#-
    One row per positive interaction, with its split. Tenants whose every interaction has
    a time get a global time cut over their positives: an instant is train as long as
    fewer than train_share of the positives lie before it, then validation, then test;
    all positives of an instant fall on one side. Shares are counted in whole millionths:
    0.1 + 0.2 is more than 0.3 as a double. Other tenants get leave-last-out.
-#}

with

interactions as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        event_type,
        event_weight,
        interaction_order,
        interacted_at

    from {{ ref('interactions') }}

    where is_positive

),

tenants as (

    select
        tenant_id,
        has_times,
        cast(round(1000000 * train_share) as bigint) as train_millionths,
        cast(round(1000000 * (train_share + validation_share)) as bigint)
            as validation_millionths

    from {{ ref('tenants') }}

),

instants as (

    select
        interactions.tenant_id,
        interactions.interacted_at,
        count(*) as positive_count

    from interactions

    inner join tenants
        on interactions.tenant_id = tenants.tenant_id

    where tenants.has_times

    group by
        interactions.tenant_id,
        interactions.interacted_at

),

counted_instants as (

    select
        tenant_id,
        interacted_at,
        sum(positive_count) over (
            partition by tenant_id
            order by interacted_at asc
            rows between unbounded preceding and current row
        ) - positive_count as earlier_count,
        sum(positive_count) over (partition by tenant_id) as tenant_count

    from instants

),

cuts as (

    select
        counted_instants.tenant_id,
        max(counted_instants.interacted_at) filter (
            where 1000000 * counted_instants.earlier_count
            < tenants.train_millionths * counted_instants.tenant_count
        ) as train_until,
        max(counted_instants.interacted_at) filter (
            where 1000000 * counted_instants.earlier_count
            < tenants.validation_millionths * counted_instants.tenant_count
        ) as validation_until

    from counted_instants

    inner join tenants
        on counted_instants.tenant_id = tenants.tenant_id

    group by counted_instants.tenant_id

),

split_by_time as (

    select
        interactions.*,
        {{ global_time_split(
            'interactions.interacted_at', 'cuts.train_until', 'cuts.validation_until'
        ) }} as split

    from interactions

    inner join cuts
        on interactions.tenant_id = cuts.tenant_id

),

untimed as (

    select
        interactions.*,
        row_number() over (
            partition by interactions.tenant_id, interactions.user_id
            order by interactions.interaction_order desc
        ) as place_from_last,
        count(*) over (
            partition by interactions.tenant_id, interactions.user_id
        ) as positive_count

    from interactions

    inner join tenants
        on interactions.tenant_id = tenants.tenant_id

    where not tenants.has_times

),

split_by_order as (

    select
        * exclude (place_from_last, positive_count),
        {{ leave_last_out_split('place_from_last', 'positive_count') }} as split

    from untimed

),

split_positives as (

    select * from split_by_time
    union all
    select * from split_by_order

),

positives as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        event_type,
        split,
        event_weight,
        interaction_order,
        interacted_at

    from split_positives

)

select * from positives
