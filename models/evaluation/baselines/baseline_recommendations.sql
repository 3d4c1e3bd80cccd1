{#-
    One row per tenant, split, fold, ranking baseline, user and recommended item, best
    first, for users with a test positive there. Lists end after as many items as the
    largest k of the tenant's metrics. Only train reaches them: the positives of train,
    and what else the user had seen by then, which is left out of the lists unless the
    tenant sets recommend_seen_items. The baseline last_seen recommends nothing but what
    the user had in train.

    Equal scores stand in order of item id. A list is shorter where the catalogue, the
    window of most_popular_recent or the user's history has no more; users without train
    have none from item_cosine and last_seen. Lookups of items are left joins, although
    each finds its row, as in evaluation.item_neighbours.

    One model, although long: its baselines share users, seen items and the end of the
    lists.
-#}

with

baseline_runs as (
    select * from {{ ref('baseline_runs') }}
    where task = 'ranking'
),

items as (
    select
        item_key,
        item_id,
        {{ number_of('item_id') }} as item_number
    from {{ ref('items') }}
),

split_assignments as {{ inlined() }} (
    select * from {{ ref('split_assignments') }}
),

scopes as (

    select
        tenant_id,
        split_name,
        split_number,
        fold,
        list_length,
        max(recent_days) as recent_days,
        row_number() over (order by split_number asc, fold asc) as scope_number,
        bool_or(model = 'last_seen') as has_last_seen,
        bool_or(model = 'item_cosine') as has_item_cosine

    from baseline_runs

    group by tenant_id, split_name, split_number, fold, list_length

),

train_positives as {{ inlined() }} (
    select
        scopes.scope_number,
        scopes.has_last_seen,
        scopes.has_item_cosine,
        split_assignments.*
    from split_assignments
    inner join scopes
        on split_assignments.split_number = scopes.split_number
        and split_assignments.fold = scopes.fold
    where split_assignments.split = 'train'
),

tested_users as (
    select
        scopes.*,
        split_assignments.user_key
    from split_assignments
    inner join scopes
        on split_assignments.split_number = scopes.split_number
        and split_assignments.fold = scopes.fold
    where split_assignments.split = 'test'
    group by all
),

test_users as (
    select
        *,
        row_number() over (order by scope_number asc, user_key asc) as user_number
    from tested_users
),

seen_items as (

    select
        test_users.scope_number,
        test_users.user_number,
        items.item_number,
        test_users.list_length

    from {{ ref('seen_in_train') }} as seen_in_train

    inner join test_users
        on seen_in_train.split_number = test_users.split_number
        and seen_in_train.fold = test_users.fold
        and seen_in_train.user_key = test_users.user_key

    inner join {{ ref('metric_settings') }} as metric_settings
        on test_users.tenant_id = metric_settings.tenant_id
        and not metric_settings.recommend_seen_items

    left join items
        on seen_in_train.item_key = items.item_key

),

-- Most popular: one line of items per scope, of which each user gets the first unseen.

last_instants as (
    select
        scope_number,
        max(interacted_at) as last_at
    from train_positives
    group by scope_number
),

item_counts as (

    select
        train_positives.scope_number,
        train_positives.item_key,
        count(*) as positive_count,
        count(*) filter (
            where train_positives.interacted_at
            > last_instants.last_at - scopes.recent_days * interval '1 day'
        ) as recent_positive_count

    from train_positives

    inner join scopes
        on train_positives.scope_number = scopes.scope_number

    inner join last_instants
        on train_positives.scope_number = last_instants.scope_number

    group by all

),

popular_counts as (

    select
        'most_popular' as model,
        *,
        positive_count as score

    from item_counts

    union all

    select
        'most_popular_recent' as model,
        *,
        recent_positive_count as score

    from item_counts

    where recent_positive_count > 0

),

popular_items as (

    select
        popular_counts.scope_number,
        popular_counts.model,
        items.item_number,
        popular_counts.score,
        row_number() over (
            partition by popular_counts.scope_number, popular_counts.model
            order by popular_counts.score desc, items.item_number asc
        ) as place

    from popular_counts

    inner join scopes
        on popular_counts.scope_number = scopes.scope_number

    inner join baseline_runs
        on scopes.split_number = baseline_runs.split_number
        and scopes.fold = baseline_runs.fold
        and popular_counts.model = baseline_runs.model

    left join items
        on popular_counts.item_key = items.item_key

),

-- A user who has seen s items finds all of the list among the first list_length + s of
-- the line, and so among the first list_length + t, t being how many of the seen stand
-- there.

seen_counts as (
    select
        user_number,
        count(*) as seen_count
    from seen_items
    group by user_number
),

seen_places as (

    select
        seen_items.user_number,
        popular_items.model,
        popular_items.place

    from seen_items

    inner join seen_counts
        on seen_items.user_number = seen_counts.user_number

    inner join popular_items
        on seen_items.scope_number = popular_items.scope_number
        and seen_items.item_number = popular_items.item_number
        and popular_items.place <= seen_items.list_length + seen_counts.seen_count

),

wanted_counts as (
    select
        user_number,
        model,
        count(*) as seen_count
    from seen_places
    group by all
),

popular_models as (
    select
        scope_number,
        model
    from popular_items
    group by all
),

wanted_places as (

    select
        test_users.scope_number,
        test_users.user_number,
        popular_models.model,
        {{ numbers_below(
            '1',
            'test_users.list_length + coalesce(wanted_counts.seen_count, 0) + 1',
        ) }} as place

    from test_users

    inner join popular_models
        on test_users.scope_number = popular_models.scope_number

    left join wanted_counts
        on test_users.user_number = wanted_counts.user_number
        and popular_models.model = wanted_counts.model

),

unseen_places as (
    select wanted_places.*
    from wanted_places
    left join seen_places
        on wanted_places.user_number = seen_places.user_number
        and wanted_places.model = seen_places.model
        and wanted_places.place = seen_places.place
    where seen_places.place is null
),

popular_recommendations as (
    select
        unseen_places.user_number,
        unseen_places.model,
        popular_items.item_number,
        cast(popular_items.score as double) as score
    from unseen_places
    inner join popular_items
        on unseen_places.scope_number = popular_items.scope_number
        and unseen_places.model = popular_items.model
        and unseen_places.place = popular_items.place
),

-- Last seen, and the items near to what was seen last.

histories as (

    select
        test_users.scope_number,
        test_users.user_number,
        items.item_number,
        train_positives.has_last_seen,
        train_positives.has_item_cosine,
        max(train_positives.interaction_order) as last_order

    from train_positives

    inner join test_users
        on train_positives.scope_number = test_users.scope_number
        and train_positives.user_key = test_users.user_key

    left join items
        on train_positives.item_key = items.item_key

    where train_positives.has_last_seen or train_positives.has_item_cosine

    group by all

),

last_seen_recommendations as (
    select
        user_number,
        'last_seen' as model,
        item_number,
        cast(last_order as double) as score
    from histories
    where has_last_seen
),

placed_histories as (
    select
        scope_number,
        user_number,
        item_number,
        row_number() over (
            partition by user_number
            order by last_order desc
        ) as place
    from histories
    where has_item_cosine
),

newest_histories as (
    select
        scope_number,
        user_number,
        item_number
    from placed_histories
    where place <= {{ var('cosine_history_limit') }}
),

numbered_neighbours as (

    select
        scopes.scope_number,
        items.item_number,
        neighbours.item_number as neighbour_number,
        {{ trillionths('item_neighbours.cosine') }} as cosine_trillionths

    from {{ ref('item_neighbours') }} as item_neighbours

    inner join scopes
        on item_neighbours.split_number = scopes.split_number
        and item_neighbours.fold = scopes.fold

    left join items
        on item_neighbours.item_key = items.item_key

    left join items as neighbours
        on item_neighbours.neighbour_key = neighbours.item_key

),

cosine_sums as (
    select
        newest_histories.user_number,
        numbered_neighbours.neighbour_number as item_number,
        sum(numbered_neighbours.cosine_trillionths) as cosine_trillionths
    from newest_histories
    inner join numbered_neighbours
        on newest_histories.scope_number = numbered_neighbours.scope_number
        and newest_histories.item_number = numbered_neighbours.item_number
    group by all
),

cosine_recommendations as (
    select
        cosine_sums.user_number,
        'item_cosine' as model,
        cosine_sums.item_number,
        cast(cosine_sums.cosine_trillionths as double) / 1e12 as score
    from cosine_sums
    left join seen_items
        on cosine_sums.user_number = seen_items.user_number
        and cosine_sums.item_number = seen_items.item_number
    where seen_items.item_number is null
),

recommendations as (

    select * from popular_recommendations
    union all
    select * from last_seen_recommendations
    union all
    select * from cosine_recommendations

),

ranked_recommendations as (
    select
        *,
        row_number() over (
            partition by user_number, model
            order by score desc, item_number asc
        ) as rank
    from recommendations
),

baseline_recommendations as (

    select
        test_users.tenant_id,
        users.user_id,
        items.item_id,
        test_users.split_name,
        ranked_recommendations.model,
        '' as model_version,
        test_users.split_number,
        test_users.user_key,
        items.item_key,
        test_users.fold,
        ranked_recommendations.rank,
        ranked_recommendations.score

    from ranked_recommendations

    inner join test_users
        on ranked_recommendations.user_number = test_users.user_number

    left join items
        on ranked_recommendations.item_number = items.item_number

    left join {{ ref('users') }} as users
        on test_users.user_key = users.user_key

    where ranked_recommendations.rank <= test_users.list_length

)

select * from baseline_recommendations
