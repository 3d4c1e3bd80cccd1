{#-
    One row per tenant: what its data set is like. Concentration is the Gini coefficient
    of the interactions per item (or user), over those with at least one:
    2 sum(i x_i) / (n sum(x_i)) - (n + 1) / n with x in ascending order.
-#}

with

tenants as (

    select
        tenant_id,
        interaction_count,
        has_times,
        first_interacted_at,
        last_interacted_at

    from {{ ref('tenants') }}

),

interactions as (

    select
        tenant_id,
        user_id,
        item_id,
        interacted_at

    from {{ ref('interactions') }}

),

item_counts as (

    select
        tenant_id,
        item_id,
        count(*) as interaction_count

    from interactions

    group by
        tenant_id,
        item_id

),

user_counts as (

    select
        tenant_id,
        user_id,
        count(*) as interaction_count,
        count(distinct item_id) as unique_item_count

    from interactions

    group by
        tenant_id,
        user_id

),

ranked_items as (

    select
        tenant_id,
        interaction_count,
        row_number() over (
            partition by tenant_id
            order by interaction_count asc, item_id asc
        ) as place

    from item_counts

),

ranked_users as (

    select
        tenant_id,
        interaction_count,
        unique_item_count,
        row_number() over (
            partition by tenant_id
            order by interaction_count asc, user_id asc
        ) as place

    from user_counts

),

item_statistics as (

    select
        tenant_id,
        count(*) as items,
        2 * sum(place * interaction_count) / (count(*) * sum(interaction_count))
        - (count(*) + 1) / count(*) as item_gini

    from ranked_items

    group by tenant_id

),

user_statistics as (

    select
        tenant_id,
        count(*) as users,
        sum(unique_item_count) as pairs,
        2 * sum(place * interaction_count) / (count(*) * sum(interaction_count))
        - (count(*) + 1) / count(*) as user_gini

    from ranked_users

    group by tenant_id

),

user_instants as (

    select
        tenant_id,
        user_id,
        interacted_at,
        count(*) as interaction_count

    from interactions

    where interacted_at is not null

    group by
        tenant_id,
        user_id,
        interacted_at

),

last_instants as (

    select
        tenant_id,
        user_id,
        sum(interaction_count) as timed_count,
        sum(interaction_count) filter (where interaction_count > 1) as tied_count,
        arg_max(interaction_count, interacted_at) as last_count

    from user_instants

    group by
        tenant_id,
        user_id

),

tie_statistics as (

    select
        tenant_id,
        coalesce(sum(tied_count), 0) / sum(timed_count) as tie_rate,
        count(*) filter (where last_count > 1) / count(*) as tied_last_share

    from last_instants

    group by tenant_id

),

positive_counts as (

    select
        tenant_id,
        count(*) as positives,
        count(*) filter (where split = 'train') as train_positives,
        count(*) filter (where split = 'validation') as validation_positives,
        count(*) filter (where split = 'test') as test_positives

    from {{ ref('positives') }}

    group by tenant_id

),

negative_counts as (

    select
        tenant_id,
        count(*) as negatives

    from {{ ref('negatives') }}

    group by tenant_id

),

shortfalls as (

    select
        tenant_id,
        sum(shortfall_count) as shortfall

    from {{ ref('sampling_shortfall') }}

    where purpose = 'negatives'

    group by tenant_id

),

catalogues as (

    select
        tenant_id,
        count(*) as catalogue_items

    from {{ ref('items') }}

    group by tenant_id

),

dataset_statistics as (

    select
        tenants.tenant_id,
        coalesce(user_statistics.users, 0) as users,
        coalesce(item_statistics.items, 0) as items,
        coalesce(catalogues.catalogue_items, 0) as catalogue_items,
        tenants.interaction_count as interactions,
        coalesce(positive_counts.positives, 0) as positives,
        coalesce(negative_counts.negatives, 0) as negatives,
        cast(coalesce(shortfalls.shortfall, 0) as bigint) as shortfall,
        coalesce(positive_counts.train_positives, 0) as train_positives,
        coalesce(positive_counts.validation_positives, 0) as validation_positives,
        coalesce(positive_counts.test_positives, 0) as test_positives,
        tenants.interaction_count / (user_statistics.users * item_statistics.items)
            as density,
        item_statistics.item_gini,
        user_statistics.user_gini,
        (epoch_us(tenants.last_interacted_at) - epoch_us(tenants.first_interacted_at))
        / 86400000000 as span_days,
        (tenants.interaction_count - user_statistics.pairs)
        / nullif(tenants.interaction_count, 0) as repeat_rate,
        tie_statistics.tie_rate,
        tie_statistics.tied_last_share,
        tenants.has_times,
        tenants.first_interacted_at,
        tenants.last_interacted_at

    from tenants

    left join user_statistics
        on tenants.tenant_id = user_statistics.tenant_id

    left join item_statistics
        on tenants.tenant_id = item_statistics.tenant_id

    left join catalogues
        on tenants.tenant_id = catalogues.tenant_id

    left join positive_counts
        on tenants.tenant_id = positive_counts.tenant_id

    left join negative_counts
        on tenants.tenant_id = negative_counts.tenant_id

    left join shortfalls
        on tenants.tenant_id = shortfalls.tenant_id

    left join tie_statistics
        on tenants.tenant_id = tie_statistics.tenant_id

)

select * from dataset_statistics
