{#-
    One row per tenant, split, fold, model, version and set of candidates for which
    ranking metrics are made: the baselines' lists and, on the tenant's first split,
    those that were loaded.

    Loaded predictions say of themselves only whether they have ranks. Without ranks
    they are lists unless each is of a pair that met in the data anyway: those are
    predicted ratings. What lies within the stored candidates alone is judged on them
    and called `sampled`, never `full`; a model that has all of them and more is judged
    both ways. Where the stored candidates are all that the user had not seen, they are
    no sample.

    One model, although long: what a model is hangs on counts that nothing else reads.
-#}

with

splits as (
    select
        tenant_id,
        split_name,
        split_number,
        main_fold as fold
    from {{ ref('splits') }}
    where is_first_split
),

predictions as {{ inlined() }} (
    select
        tenant_id,
        model,
        model_version,
        user_id,
        item_id,
        rank
    from {{ ref('predictions') }}
),

interactions as (
    select
        tenant_id,
        user_id,
        item_id
    from {{ ref('interactions') }}
),

test_items as {{ inlined() }} (
    select
        relevant_items.tenant_id,
        relevant_items.user_id,
        relevant_items.item_id
    from {{ ref('relevant_items') }} as relevant_items
    inner join splits
        on relevant_items.split_number = splits.split_number
        and relevant_items.fold = splits.fold
),

evaluation_candidates as {{ inlined() }} (
    select
        tenant_id,
        user_id,
        item_id,
        sampling_probability
    from {{ ref('evaluation_candidates') }}
),

baseline_recommendations as (
    select
        split_number,
        model,
        fold,
        any_value(tenant_id) as tenant_id,
        any_value(split_name) as split_name,
        any_value(model_version) as model_version
    from {{ ref('baseline_recommendations') }}
    group by split_number, model, fold
),

predicted_pairs as (
    select
        tenant_id,
        model,
        model_version,
        user_id,
        item_id,
        max(rank) as rank
    from predictions
    group by all
),

models as (
    select
        tenant_id,
        model,
        model_version,
        count(*) as pair_count,
        count(rank) as ranked_count
    from predicted_pairs
    group by all
),

pairs_without_ranks as (

    select
        predicted_pairs.tenant_id,
        predicted_pairs.model,
        predicted_pairs.model_version,
        predicted_pairs.user_id,
        predicted_pairs.item_id

    from predicted_pairs

    inner join models
        on predicted_pairs.tenant_id = models.tenant_id
        and predicted_pairs.model = models.model
        and predicted_pairs.model_version = models.model_version

    where models.ranked_count = 0

),

known_counts as (

    select
        tenant_id,
        model,
        model_version,
        count(*) as known_count

    from pairs_without_ranks

    where
        exists (
            select 1

            from interactions

            where
                interactions.tenant_id = pairs_without_ranks.tenant_id
                and interactions.user_id = pairs_without_ranks.user_id
                and interactions.item_id = pairs_without_ranks.item_id
        )

    group by
        tenant_id,
        model,
        model_version

),

predicted_users as (
    select
        tenant_id,
        model,
        model_version,
        user_id,
        count(*) as pair_count
    from predicted_pairs
    group by all
),

users_with_predictions as (
    select
        tenant_id,
        user_id
    from predicted_users
    group by all
),

pool_rows as (

    select
        tenant_id,
        user_id,
        item_id,
        sampling_probability < 1 as is_sample

    from evaluation_candidates

    union all

    select
        tenant_id,
        user_id,
        item_id,
        false as is_sample

    from test_items

),

pools as (
    select
        pool_rows.tenant_id,
        pool_rows.user_id,
        pool_rows.item_id,
        bool_or(pool_rows.is_sample) as is_sample
    from pool_rows
    inner join users_with_predictions
        on pool_rows.tenant_id = users_with_predictions.tenant_id
        and pool_rows.user_id = users_with_predictions.user_id
    group by all
),

user_pools as (
    select
        tenant_id,
        user_id,
        count(*) as pool_count
    from pools
    group by all
),

pool_sizes as (

    select
        predicted_users.tenant_id,
        predicted_users.model,
        predicted_users.model_version,
        sum(predicted_users.pair_count) as tested_pair_count,
        sum(user_pools.pool_count) as pool_count

    from predicted_users

    inner join user_pools
        on predicted_users.tenant_id = user_pools.tenant_id
        and predicted_users.user_id = user_pools.user_id

    group by all

),

pooled_counts as (

    select
        predicted_pairs.tenant_id,
        predicted_pairs.model,
        predicted_pairs.model_version,
        count(*) as pooled_count,
        bool_or(pools.is_sample) as is_sample

    from predicted_pairs

    inner join pools
        on predicted_pairs.tenant_id = pools.tenant_id
        and predicted_pairs.user_id = pools.user_id
        and predicted_pairs.item_id = pools.item_id

    group by all

),

judged_models as (

    select
        models.tenant_id,
        models.model,
        models.model_version,
        coalesce(
            pooled_counts.is_sample
            and pooled_counts.pooled_count = pool_sizes.tested_pair_count, false
        ) as is_within_candidates,
        coalesce(
            pooled_counts.is_sample
            and pooled_counts.pooled_count = pool_sizes.pool_count, false
        ) as has_all_candidates

    from models

    left join known_counts
        on models.tenant_id = known_counts.tenant_id
        and models.model = known_counts.model
        and models.model_version = known_counts.model_version

    left join pool_sizes
        on models.tenant_id = pool_sizes.tenant_id
        and models.model = pool_sizes.model
        and models.model_version = pool_sizes.model_version

    left join pooled_counts
        on models.tenant_id = pooled_counts.tenant_id
        and models.model = pooled_counts.model
        and models.model_version = pooled_counts.model_version

    where
        models.ranked_count > 0
        or coalesce(known_counts.known_count, 0) < models.pair_count

),

labelled_models as (

    select
        judged_models.tenant_id,
        splits.split_name,
        judged_models.model,
        judged_models.model_version,
        splits.split_number,
        splits.fold,
        {{ rows_of(
            "case "
            ~ "when judged_models.is_within_candidates then ['sampled'] "
            ~ "when judged_models.has_all_candidates then ['full', 'sampled'] "
            ~ "else ['full'] end"
        ) }} as candidates

    from judged_models

    inner join splits
        on judged_models.tenant_id = splits.tenant_id

),

lists as (

    select
        tenant_id,
        split_name,
        model,
        model_version,
        candidates,
        split_number,
        fold,
        false as is_baseline

    from labelled_models

    union all

    select
        tenant_id,
        split_name,
        model,
        model_version,
        'full' as candidates,
        split_number,
        fold,
        true as is_baseline

    from baseline_recommendations

),

recommendation_lists as (

    select
        tenant_id,
        split_name,
        model,
        model_version,
        candidates,
        split_number,
        fold,
        row_number() over (
            order by
                split_number asc,
                fold asc,
                model asc,
                model_version asc,
                candidates asc,
                is_baseline desc
        ) as list_number,
        is_baseline

    from lists

)

select * from recommendation_lists
