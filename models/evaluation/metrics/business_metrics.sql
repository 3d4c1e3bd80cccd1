{#-
    One row per tenant, scope, model, version and candidates that has lists: what the
    lists would have meant for the business, as far as the test part tells. An item
    counts as recommended when it stands among the first conversion_depth of the user's list;
    what the user then bought (conversion_event_type) of it in test is put down to the
    model, whole. Nothing says that the user would not have bought it anyway.
    Money is summed in whole millionths, so that the order of the rows does not matter.

    One model, although long: all its figures are of the same conversions.
-#}


with

comparison_settings as (
    select
        tenant_id,
        conversion_event_type,
        conversion_depth,
        satisfaction_rating_minimum
    from {{ ref('comparison_settings') }}
),

recommendations as (

    select
        tenant_id,
        user_id,
        item_id,
        split_name,
        model,
        model_version,
        candidates,
        fold,
        rank

    from {{ ref('recommendations') }}

),

test_positives as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        event_type,
        split_name,
        fold,
        cast(interacted_at as date) as interacted_on

    from {{ ref('split_assignments') }}

    where split = 'test'

),

interactions as (
    select
        tenant_id,
        interaction_id,
        price,
        quantity
    from {{ ref('interactions') }}
),

items as (
    select
        tenant_id,
        item_id,
        price
    from {{ ref('items') }}
),

rating_predictions as (
    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        split_name,
        fold,
        rating
    from {{ ref('rating_predictions') }}
),

-- Every model has a row of each rated test interaction.
test_ratings as (
    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        split_name,
        fold,
        max(rating) as rating
    from rating_predictions
    group by all
),

conversions as (

    select
        test_positives.tenant_id,
        test_positives.user_id,
        test_positives.item_id,
        test_positives.split_name,
        test_positives.fold,
        coalesce(interactions.price, items.price)
        * coalesce(interactions.quantity, 1) as revenue

    from test_positives

    inner join comparison_settings
        on test_positives.tenant_id = comparison_settings.tenant_id
        and test_positives.event_type = comparison_settings.conversion_event_type

    inner join interactions
        on test_positives.tenant_id = interactions.tenant_id
        and test_positives.interaction_id = interactions.interaction_id

    left join items
        on test_positives.tenant_id = items.tenant_id
        and test_positives.item_id = items.item_id

),

conversion_totals as (
    select
        tenant_id,
        split_name,
        fold,
        count(revenue) as priced_conversion_count
    from conversions
    group by all
),

list_users as (
    select
        tenant_id,
        user_id,
        split_name,
        model,
        model_version,
        candidates,
        fold
    from recommendations
    group by all
),

list_totals as (
    select
        tenant_id,
        split_name,
        model,
        model_version,
        candidates,
        fold,
        count(*) as user_count
    from list_users
    group by all
),

recommended_items as {{ inlined() }} (
    select
        recommendations.*,
        comparison_settings.satisfaction_rating_minimum
    from recommendations
    inner join comparison_settings
        on recommendations.tenant_id = comparison_settings.tenant_id
        and recommendations.rank <= comparison_settings.conversion_depth
),

list_conversions as (

    select
        recommended_items.tenant_id,
        recommended_items.split_name,
        recommended_items.fold,
        recommended_items.model,
        recommended_items.model_version,
        recommended_items.candidates,
        count(*) as conversion_count,
        count(distinct recommended_items.user_id) as converted_user_count,
        {{ sum_of_millionths('conversions.revenue') }} as revenue

    from recommended_items

    inner join conversions
        on recommended_items.tenant_id = conversions.tenant_id
        and recommended_items.split_name = conversions.split_name
        and recommended_items.fold = conversions.fold
        and recommended_items.user_id = conversions.user_id
        and recommended_items.item_id = conversions.item_id

    group by all

),

list_ratings as (

    select
        recommended_items.tenant_id,
        recommended_items.split_name,
        recommended_items.fold,
        recommended_items.model,
        recommended_items.model_version,
        recommended_items.candidates,
        count(*) as rated_count,
        count(*) filter (
            where test_ratings.rating >= recommended_items.satisfaction_rating_minimum
        ) as satisfied_count

    from recommended_items

    inner join test_ratings
        on recommended_items.tenant_id = test_ratings.tenant_id
        and recommended_items.split_name = test_ratings.split_name
        and recommended_items.fold = test_ratings.fold
        and recommended_items.user_id = test_ratings.user_id
        and recommended_items.item_id = test_ratings.item_id

    group by all

),

active_users as (
    select
        tenant_id,
        user_id,
        split_name,
        fold,
        interacted_on
    from test_positives
    where interacted_on is not null
    group by all
),

test_days as (
    select
        tenant_id,
        split_name,
        fold,
        max(interacted_on) - min(interacted_on) + 1 as day_count
    from active_users
    group by all
),

active_days as (

    select
        list_users.tenant_id,
        list_users.split_name,
        list_users.fold,
        list_users.model,
        list_users.model_version,
        list_users.candidates,
        count(*) as active_day_count

    from list_users

    inner join active_users
        on list_users.tenant_id = active_users.tenant_id
        and list_users.split_name = active_users.split_name
        and list_users.fold = active_users.fold
        and list_users.user_id = active_users.user_id

    group by all

),

counted as (

    select
        list_totals.*,
        coalesce(list_conversions.conversion_count, 0) as conversion_count,
        coalesce(list_conversions.converted_user_count, 0) as converted_user_count,
        coalesce(list_ratings.rated_count, 0) as rated_count,
        list_ratings.satisfied_count,
        test_days.day_count as test_day_count,
        active_days.active_day_count,
        case
            when conversion_totals.priced_conversion_count > 0
                then
                    cast(coalesce(list_conversions.revenue, 0) as double) / 1000000
        end as revenue

    from list_totals

    left join conversion_totals
        on list_totals.tenant_id = conversion_totals.tenant_id
        and list_totals.split_name = conversion_totals.split_name
        and list_totals.fold = conversion_totals.fold

    left join test_days
        on list_totals.tenant_id = test_days.tenant_id
        and list_totals.split_name = test_days.split_name
        and list_totals.fold = test_days.fold

    left join list_conversions
        on list_totals.tenant_id = list_conversions.tenant_id
        and list_totals.split_name = list_conversions.split_name
        and list_totals.fold = list_conversions.fold
        and list_totals.model = list_conversions.model
        and list_totals.model_version = list_conversions.model_version
        and list_totals.candidates = list_conversions.candidates

    left join list_ratings
        on list_totals.tenant_id = list_ratings.tenant_id
        and list_totals.split_name = list_ratings.split_name
        and list_totals.fold = list_ratings.fold
        and list_totals.model = list_ratings.model
        and list_totals.model_version = list_ratings.model_version
        and list_totals.candidates = list_ratings.candidates

    left join active_days
        on list_totals.tenant_id = active_days.tenant_id
        and list_totals.split_name = active_days.split_name
        and list_totals.fold = active_days.fold
        and list_totals.model = active_days.model
        and list_totals.model_version = active_days.model_version
        and list_totals.candidates = active_days.candidates

),

business_metrics as (

    select
        tenant_id,
        split_name,
        model,
        model_version,
        candidates,
        fold,
        user_count,
        conversion_count,
        converted_user_count,
        rated_count,
        test_day_count,
        revenue,
        revenue / user_count as revenue_per_user,
        cast(converted_user_count as double) / user_count as conversion_rate,
        cast(satisfied_count as double) / rated_count as satisfaction_share,
        case
            when test_day_count is not null
                then cast(coalesce(active_day_count, 0) as double) / test_day_count
        end as daily_active_users

    from counted

)

select * from business_metrics
