{#-
    One row per tenant, scope, candidates, metric, k, pair of models and day on which users
    came (evaluation.user_days): what a look on that day says, of all who had come by then.
-#}

with

comparison_tests as (
    select * from {{ ref('comparison_tests') }}
),

daily_comparisons as (

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
        day,
        look,
        look_count,
        user_count,
        user_count_a,
        user_count_b,
        degrees_of_freedom,
        family_size,
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
        effect_size,
        is_significant

    from comparison_tests

    where day is not null

)

select * from daily_comparisons
