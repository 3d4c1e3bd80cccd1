{#-
    One row per tenant, scope, candidates, metric, k and pair of models, of all users,
    and one more for each day on which users came, of those who had come until then: is
    the second model better than the first? evaluation.model_comparisons has the rows of all
    users, evaluation.daily_comparisons the others.

    Holm's family is all metrics, k and pairs of one tenant, scope, candidates and day.
    Where traffic came by day, each day is a look, and the test of all users is the last
    one: a look may spend only its share of the 5 % (Lan and DeMets' approximation of
    O'Brien and Fleming), or looking often enough would always find something.
    docs/comparisons.md has the formulas.

    One model, although long: each test reads the same sums, and the corrections all of
    them.
-#}

{%- set family = "tenant_id, split_name, fold, candidates, day, p_value is null" -%}
{%- set level = 0.05 -%}
{%- set power = 0.8 %}

with

comparison_sums as (
    select
        *,
        cast(user_count as hugeint) as user_number,
        unit / 70368744177664.0 as resolution
    from {{ ref('comparison_sums') }}
),

looks_of_scopes as (
    select
        tenant_id,
        split_name,
        fold,
        look,
        max(user_share) as user_share
    from comparison_sums
    where look is not null
    group by all
),

looks as (
    select
        tenant_id,
        split_name,
        fold,
        list(user_share order by look asc) as user_shares
    from looks_of_scopes
    group by all
),

moments as (

    select
        * exclude (user_share),
        case
            when user_count > 1
                then
                    {{ central_squares(
                        "user_number", "sum_difference", "sum_squares"
                    ) }}
        end as central_squares,
        case
            when user_count > 1
                then
                    {{ central_squares("user_number", "coarse_sum", "coarse_squares") }}
        end as coarse_central_squares,
        case
            when user_count > 1
                then
                    {{ central_cubes(
                        "user_number", "coarse_sum", "coarse_squares", "coarse_cubes"
                    ) }}
        end as coarse_central_cubes

    from comparison_sums

),

standardised as (

    select
        *,
        {{ metric_direction('metric') }} as better_when,
        case
            when user_count > 0
                then cast(sum_a as double) / user_count * resolution
        end as mean_a,
        case
            when user_count > 0
                then cast(sum_b as double) / user_count * resolution
        end as mean_b,
        case
            when user_count > 0
                then cast(sum_difference as double) / user_count * resolution
        end as difference,
        case
            when central_squares > 0
                then sqrt(central_squares / (user_count - 1)) * resolution
        end as standard_deviation,
        case
            when coarse_central_squares > 0
                then coarse_central_cubes / (6 * pow(coarse_central_squares, 1.5))
            else 0.0
        end as acceleration

    from moments

),

tested as (

    select
        *,
        difference / standard_deviation as effect_size,
        standard_deviation / sqrt(user_count) as standard_error,
        difference / standard_deviation * sqrt(user_count) as t_statistic,
        student_t_p_value(
            difference / standard_deviation * sqrt(user_count),
            cast(user_count - 1 as double)
        ) as p_value,
        student_t_quantile({{ 1 - level / 2 }}, cast(user_count - 1 as double))
            as t_quantile,
        bca_interval(
            bucket_sums,
            bucket_sizes,
            case when standard_deviation is not null then acceleration end,
            {{ sampling_seed() }},
            {{ bootstrap_resamples() }}
        ) as bootstrap

    from standardised

),

placed as (

    select
        *,
        count(p_value) over (partition by {{ family }}) as family_size,
        row_number() over (
            partition by {{ family }}
            order by
                p_value asc,
                tenant_id asc,
                split_name asc,
                fold asc,
                candidates asc,
                metric asc,
                k asc nulls first,
                model_a asc,
                model_version_a asc,
                model_b asc,
                model_version_b asc
        ) as place

    from tested

),

levelled as (

    select
        placed.*,
        case
            when placed.p_value is null then null
            when looks.user_shares is null
                then {{ level }} / (placed.family_size - placed.place + 1)
            else
                sequential_p_values(
                    looks.user_shares,
                    {{ level }} / (placed.family_size - placed.place + 1)
                )[coalesce(placed.look, len(looks.user_shares))]
        end as p_value_limit,
        coalesce(len(looks.user_shares), 1) as scope_look_count

    from placed

    left join looks
        on placed.tenant_id = looks.tenant_id
        and placed.split_name = looks.split_name
        and placed.fold = looks.fold

),

corrected as (

    select
        *,
        case
            when p_value is not null
                then
                    least(
                        1.0,
                        max(p_value * (family_size - place + 1)) over (
                            partition by {{ family }}
                            order by place asc
                        )
                    )
        end as p_value_holm,
        case
            when p_value is not null
                then
                    bool_and(p_value <= p_value_limit) over (
                        partition by {{ family }}
                        order by place asc
                    )
            else false
        end as is_significant

    from levelled

),

judged as (

    select
        *,
        case better_when when 'lower' then -difference else difference end as gain,
        case
            when p_value is not null and not is_significant and difference <> 0
                then
                    greatest(
                        1.0,
                        ceil(
                            pow(
                                (
                                    normal_quantile(
                                        1 - {{ level }} / (family_size - place + 1) / 2
                                    )
                                    + normal_quantile({{ power }})
                                )
                                / effect_size,
                                2
                            )
                        )
                        - user_count
                    )
        end as users_needed

    from corrected

),

worded as (

    select
        *,
        model_a || case model_version_a when '' then '' else ' ' || model_version_a end
            as name_a,
        model_b || case model_version_b when '' then '' else ' ' || model_version_b end
            as name_b,
        metric || coalesce('@' || k, '') as metric_name,
        case when gain > 0 then mean_a else mean_b end as mean_of_other,
        case
            when p_value_holm < 0.001 then 'p < 0.001 after Holm'
            else 'p = ' || format('{:.2g}', p_value_holm) || ' after Holm'
        end as p_text

    from judged

),

comparison_tests as (

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
        case
            when user_count = 0 then 'not compared: no user has both models'
            when user_count = 1 then 'not compared: only one user has both models'
            when p_value is null and difference = 0
                then
                    'no difference: '
                    || format('{:,}', user_count)
                    || ' users, each with the same value in both'
            when p_value is null
                then
                    'not tested: the same difference in each of '
                    || format('{:,}', user_count)
                    || ' users'
            when is_significant
                then
                    case when gain > 0 then name_b else name_a end
                    || if(better_when is null, ' higher, ', ' better, ')
                    || case
                        when mean_of_other = 0
                            then format('{:+.3g} ', abs(difference))
                        else
                            format(
                                '{:+.1f} % ', abs(difference / mean_of_other) * 100
                            )
                    end
                    || metric_name
                    || case
                        when better_when = 'lower' then ' (lower is better)' else ''
                    end
                    || ', '
                    || p_text
            when difference = 0
                then 'no difference shown (' || p_text || '): the means are equal'
            when users_needed >= 1e12
                then
                    'no difference shown (' || p_text
                    || '); no number of users would show one so small'
            else
                'no difference shown (' || p_text || '); about '
                || format('{:,}', cast(users_needed as bigint))
                || ' more users needed'
        end
        || case
            when user_count > 0 and user_count < greatest(user_count_a, user_count_b)
                and day is null
                then '; on the ' || format('{:,}', user_count) || ' users of both'
            else ''
        end
        || case
            when scope_look_count > 1 and p_value is not null
                then
                    '; look ' || coalesce(look, scope_look_count) || ' of '
                    || scope_look_count || ', p must be at most '
                    || format('{:.2g}', p_value_limit) || ' before Holm'
            else ''
        end as verdict,
        k,
        fold,
        day,
        coalesce(look, scope_look_count) as look,
        scope_look_count as look_count,
        user_count,
        user_count_a,
        user_count_b,
        case when p_value is not null then user_count - 1 end as degrees_of_freedom,
        case when p_value is not null then family_size end as family_size,
        case
            when bootstrap['low'] is not null
                then cast({{ bootstrap_resamples() }} as bigint)
        end as resample_count,
        case
            when users_needed < 1e12 then cast(users_needed as bigint)
        end as users_needed,
        mean_a,
        mean_b,
        difference,
        case
            when mean_a <> 0
                then
                    case better_when when 'lower' then -100.0 else 100.0 end
                    * difference / abs(mean_a)
        end as improvement_percent,
        standard_error,
        t_statistic,
        p_value,
        p_value_holm,
        p_value_limit,
        difference - t_quantile * standard_error as interval_low,
        difference + t_quantile * standard_error as interval_high,
        bootstrap['low'] * resolution as bootstrap_low,
        bootstrap['high'] * resolution as bootstrap_high,
        effect_size,
        is_significant

    from worded

)

select * from comparison_tests
