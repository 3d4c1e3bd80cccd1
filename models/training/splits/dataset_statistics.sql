{#-
    One row per tenant: what its data set is like.
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
        user_key,
        item_key,
        negative_kind,
        interacted_at
    from {{ ref('interactions') }}
),

interaction_statistics as (

    {{ interaction_statistics('interactions', ['tenant_id']) }}

),

positives as (
    select
        tenant_id,
        user_key,
        split
    from {{ ref('positives') }}
),

positive_counts as (
    select
        tenant_id,
        count(*) as positives,
        count(*) filter (where split = 'train') as train_positives,
        count(*) filter (where split = 'validation') as validation_positives,
        count(*) filter (where split = 'test') as test_positives
    from positives
    group by tenant_id
),

explicit_counts as (
    select
        tenant_id,
        count(*) as explicit_negatives
    from {{ ref('explicit_negatives') }}
    group by tenant_id
),

unplaced_counts as (
    select
        interactions.tenant_id,
        count(*) as unplaced_negatives
    from interactions
    anti join positives using (user_key)
    where interactions.negative_kind is not null
    group by interactions.tenant_id
),

negative_counts as (
    select
        tenant_id,
        count(*) as negatives
    from {{ ref('negative_draws') }}
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

first_split_tests as (
    select
        split_statistics.tenant_id,
        split_statistics.cold_share
    from {{ ref('split_statistics') }} as split_statistics
    inner join {{ ref('splits') }} as splits
        on split_statistics.tenant_id = splits.tenant_id
        and split_statistics.split_name = splits.split_name
        and split_statistics.fold = splits.main_fold
    where splits.is_first_split and split_statistics.split = 'test'
),

dataset_statistics as (

    select
        tenants.tenant_id,
        coalesce(interaction_statistics.users, 0) as users,
        coalesce(interaction_statistics.items, 0) as items,
        coalesce(catalogues.catalogue_items, 0) as catalogue_items,
        tenants.interaction_count as interactions,
        coalesce(positive_counts.positives, 0) as positives,
        coalesce(negative_counts.negatives, 0) as negatives,
        cast(coalesce(shortfalls.shortfall, 0) as bigint) as shortfall,
        coalesce(explicit_counts.explicit_negatives, 0) as explicit_negatives,
        coalesce(unplaced_counts.unplaced_negatives, 0) as unplaced_negatives,
        coalesce(positive_counts.train_positives, 0) as train_positives,
        coalesce(positive_counts.validation_positives, 0) as validation_positives,
        coalesce(positive_counts.test_positives, 0) as test_positives,
        interaction_statistics.density,
        interaction_statistics.item_gini,
        interaction_statistics.user_gini,
        interaction_statistics.span_days,
        interaction_statistics.repeat_rate,
        interaction_statistics.tie_rate,
        interaction_statistics.tied_last_share,
        first_split_tests.cold_share,
        tenants.has_times,
        tenants.first_interacted_at,
        tenants.last_interacted_at

    from tenants

    left join interaction_statistics
        on tenants.tenant_id = interaction_statistics.tenant_id

    left join catalogues
        on tenants.tenant_id = catalogues.tenant_id

    left join positive_counts
        on tenants.tenant_id = positive_counts.tenant_id

    left join negative_counts
        on tenants.tenant_id = negative_counts.tenant_id

    left join shortfalls
        on tenants.tenant_id = shortfalls.tenant_id

    left join explicit_counts
        on tenants.tenant_id = explicit_counts.tenant_id

    left join unplaced_counts
        on tenants.tenant_id = unplaced_counts.tenant_id

    left join first_split_tests
        on tenants.tenant_id = first_split_tests.tenant_id

)

select * from dataset_statistics
