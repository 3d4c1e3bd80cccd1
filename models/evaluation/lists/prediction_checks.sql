{#-
    One row per tenant, model and version of loaded predictions: how many of their users
    and items the tenant knows, how many of the users have test data, and what else makes
    a model look worse than it is. What evaluation.prediction_warnings are made from.

    Test data is that of the main fold of the tenant's first split, in which loaded
    predictions are judged: something to find or a rating.

    One model, although long: each check reads the same predicted pairs.
-#}

{%- set model_key = ['tenant_id', 'model', 'model_version'] %}

with

predictions as {{ inlined() }} (
    select
        tenant_id,
        model,
        model_version,
        user_id,
        item_id,
        rank,
        predicted_at
    from {{ ref('predictions') }}
),

users as (
    select
        tenant_id,
        user_id
    from {{ ref('users') }}
),

items as (
    select
        tenant_id,
        item_id
    from {{ ref('items') }}
),

main_splits as (
    select
        tenant_id,
        split_name,
        main_fold as fold
    from {{ ref('splits') }}
    where is_first_split
),

test_users as (

    select
        relevant_items.tenant_id,
        relevant_items.user_id

    from {{ ref('relevant_items') }} as relevant_items

    inner join main_splits
        on relevant_items.tenant_id = main_splits.tenant_id
        and relevant_items.split_name = main_splits.split_name
        and relevant_items.fold = main_splits.fold

    union

    select
        tenant_id,
        user_id

    from {{ ref('rating_assignments') }}

    where
        is_main
        and split = 'test'

),

recommendation_lists as (
    select
        tenant_id,
        model,
        model_version
    from {{ ref('recommendation_lists') }}
    where not is_baseline
    group by all
),

rating_models as (
    select
        tenant_id,
        model,
        model_version
    from {{ ref('rating_predictions') }}
    group by all
),

replaced_records as (
    select
        tenant_id,
        model,
        model_version,
        user_id,
        file,
        count(*) as record_count
    from {{ ref('prediction_records') }}
    where is_replaced
    group by all
),

current_files as (

    select
        tenant_id,
        model,
        model_version,
        user_id,
        file

    from {{ ref('prediction_records') }} as records

    where
        not is_replaced
        and exists (
            select 1

            from replaced_records

            where
                replaced_records.tenant_id = records.tenant_id
                and replaced_records.model = records.model
                and replaced_records.model_version = records.model_version
                and replaced_records.user_id = records.user_id
        )

    group by
        tenant_id,
        model,
        model_version,
        user_id,
        file

),

-- A file that was loaded again under its name was corrected; only other files tell.

replacing_files as (

    select
        replaced_records.tenant_id,
        replaced_records.model,
        replaced_records.model_version,
        replaced_records.user_id,
        replaced_records.file,
        replaced_records.record_count,
        min(current_files.file) as newer_file

    from replaced_records

    inner join current_files
        on replaced_records.tenant_id = current_files.tenant_id
        and replaced_records.model = current_files.model
        and replaced_records.model_version = current_files.model_version
        and replaced_records.user_id = current_files.user_id

    group by all

    having not bool_or(current_files.file = replaced_records.file)

),

replaced_counts as (
    select
        {{ model_key | join(", ") }},
        cast(sum(record_count) as bigint) as replaced_count,
        count(distinct user_id) as replaced_user_count,
        min(file) as replaced_file,
        min_by(newer_file, struct_pack(file := file, newer_file := newer_file))
            as newer_file
    from replacing_files
    group by {{ model_key | join(", ") }}
),

predicted_users as (

    select
        {{ model_key | join(", ") }},
        user_id,
        count(*) as prediction_count,
        count(rank) as ranked_count,
        count(distinct rank) as rank_count,
        count(rank) = 0
        and coalesce(min(predicted_at) < max(predicted_at), false)
        and count(distinct item_id) < count(*) as is_merged

    from predictions

    group by all

),

user_counts as (

    select
        predicted_users.tenant_id,
        predicted_users.model,
        predicted_users.model_version,
        cast(sum(predicted_users.prediction_count) as bigint) as prediction_count,
        count(*) as user_count,
        count(users.user_id) as known_user_count,
        count(test_users.user_id) as tested_user_count,
        count(*) filter (
            where predicted_users.rank_count < predicted_users.ranked_count
        ) as tied_user_count,
        count(*) filter (where predicted_users.is_merged) as merged_user_count,
        min(predicted_users.user_id) as first_user_id,
        min(predicted_users.user_id) filter (where users.user_id is null)
            as unknown_user_id,
        min(predicted_users.user_id) filter (
            where predicted_users.rank_count < predicted_users.ranked_count
        ) as tied_user_id,
        min(predicted_users.user_id) filter (where predicted_users.is_merged)
            as merged_user_id

    from predicted_users

    left join users
        on predicted_users.tenant_id = users.tenant_id
        and predicted_users.user_id = users.user_id

    left join test_users
        on predicted_users.tenant_id = test_users.tenant_id
        and predicted_users.user_id = test_users.user_id

    group by all

),

predicted_items as (
    select
        {{ model_key | join(", ") }},
        item_id
    from predictions
    group by all
),

item_counts as (

    select
        predicted_items.tenant_id,
        predicted_items.model,
        predicted_items.model_version,
        count(*) as item_count,
        count(items.item_id) as known_item_count,
        min(predicted_items.item_id) filter (where items.item_id is null)
            as unknown_item_id

    from predicted_items

    left join items
        on predicted_items.tenant_id = items.tenant_id
        and predicted_items.item_id = items.item_id

    group by all

),

tenant_users as (
    select
        tenant_id,
        min(user_id) as user_id
    from users
    group by tenant_id
),

tenant_items as (
    select
        tenant_id,
        min(item_id) as item_id
    from items
    group by tenant_id
),

tenant_test_users as (
    select
        tenant_id,
        min(user_id) as user_id
    from test_users
    group by tenant_id
),

prediction_checks as (

    select
        user_counts.tenant_id,
        user_counts.model,
        user_counts.model_version,
        user_counts.first_user_id,
        user_counts.unknown_user_id,
        item_counts.unknown_item_id,
        user_counts.tied_user_id,
        user_counts.merged_user_id,
        tenant_users.user_id as known_user_id,
        tenant_items.item_id as known_item_id,
        tenant_test_users.user_id as tested_user_id,
        replaced_counts.replaced_file,
        replaced_counts.newer_file,
        user_counts.prediction_count,
        user_counts.user_count,
        user_counts.known_user_count,
        user_counts.tested_user_count,
        item_counts.item_count,
        item_counts.known_item_count,
        user_counts.tied_user_count,
        user_counts.merged_user_count,
        coalesce(replaced_counts.replaced_count, 0) as replaced_count,
        coalesce(replaced_counts.replaced_user_count, 0) as replaced_user_count,
        recommendation_lists.model is not null as is_list,
        rating_models.model is not null as is_rating

    from user_counts

    inner join item_counts
        on user_counts.tenant_id = item_counts.tenant_id
        and user_counts.model = item_counts.model
        and user_counts.model_version = item_counts.model_version

    left join replaced_counts
        on user_counts.tenant_id = replaced_counts.tenant_id
        and user_counts.model = replaced_counts.model
        and user_counts.model_version = replaced_counts.model_version

    left join recommendation_lists
        on user_counts.tenant_id = recommendation_lists.tenant_id
        and user_counts.model = recommendation_lists.model
        and user_counts.model_version = recommendation_lists.model_version

    left join rating_models
        on user_counts.tenant_id = rating_models.tenant_id
        and user_counts.model = rating_models.model
        and user_counts.model_version = rating_models.model_version

    left join tenant_users
        on user_counts.tenant_id = tenant_users.tenant_id

    left join tenant_items
        on user_counts.tenant_id = tenant_items.tenant_id

    left join tenant_test_users
        on user_counts.tenant_id = tenant_test_users.tenant_id

)

select * from prediction_checks
