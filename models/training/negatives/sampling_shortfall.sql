{#-
    One row per purpose, tenant and user whose positives get fewer draws than they should,
    because fewer unseen items are left: each gets all of them, and this is what is missing.
-#}

with

positives as (
    select
        tenant_id,
        interaction_id,
        user_id,
        split
    from {{ ref('positives') }}
),

user_pools as (
    select * from {{ ref('user_pools') }}
),

positive_pools as (
    select
        tenant_id,
        interaction_id,
        pool_size
    from {{ ref('positive_pools') }}
),

purposes as (

    select
        *,
        'negatives' as purpose,
        negative_ratio as wanted_count,
        positive_count as request_count

    from user_pools

    union all

    select
        *,
        'evaluation_candidates' as purpose,
        candidate_count as wanted_count,
        test_positive_count as request_count

    from user_pools

),

static_counts as (
    select
        tenant_id,
        user_id,
        purpose,
        request_count as positive_count,
        pool_size as smallest_pool_size,
        request_count * wanted_count as requested_count,
        request_count * least(wanted_count, pool_size) as drawn_count
    from purposes
    where not time_aware_negatives
),

time_aware_counts as (

    select
        purposes.tenant_id,
        purposes.user_id,
        purposes.purpose,
        count(*) as positive_count,
        min(positive_pools.pool_size) as smallest_pool_size,
        count(*) * purposes.wanted_count as requested_count,
        cast(
            sum(least(purposes.wanted_count, positive_pools.pool_size)) as bigint
        ) as drawn_count

    from positives

    inner join positive_pools
        on positives.tenant_id = positive_pools.tenant_id
        and positives.interaction_id = positive_pools.interaction_id

    inner join purposes
        on positives.tenant_id = purposes.tenant_id
        and positives.user_id = purposes.user_id

    where
        purposes.time_aware_negatives
        and (purposes.purpose = 'negatives' or positives.split = 'test')

    group by
        purposes.tenant_id,
        purposes.user_id,
        purposes.purpose,
        purposes.wanted_count

),

counts as (

    select * from static_counts
    union all
    select * from time_aware_counts

),

sampling_shortfall as (

    select
        tenant_id,
        user_id,
        purpose,
        positive_count,
        smallest_pool_size,
        requested_count,
        drawn_count,
        requested_count - drawn_count as shortfall_count

    from counts

    where drawn_count < requested_count

)

select * from sampling_shortfall
