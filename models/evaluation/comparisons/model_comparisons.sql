{#-
    One row per tenant, scope, candidates, metric, k and pair of models: is the second
    model better than the first, on all users that both have?
-#}

with

comparison_tests as (
    select * from {{ ref('comparison_tests') }}
),

model_comparisons as (

    select
        tenant_id,
        split_name,
        model_a,
        model_version_a,
        model_b,
        model_version_b,
        candidates,
        metric,
        better_when,
        verdict,
        k,
        fold,
        look_count,
        user_count,
        user_count_a,
        user_count_b,
        degrees_of_freedom,
        family_size,
        resample_count,
        users_needed,
        mean_a,
        mean_b,
        difference,
        improvement_percent,
        standard_error,
        t_statistic,
        p_value,
        p_value_holm,
        p_value_limit,
        interval_low,
        interval_high,
        bootstrap_low,
        bootstrap_high,
        effect_size,
        is_significant

    from comparison_tests

    where day is null

)

select * from model_comparisons
