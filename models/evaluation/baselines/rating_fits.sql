{#-
    One row per tenant, split, fold and user or item with a rating in train, and one for
    all ratings of that train: what the rating baselines have learned. Only train is
    read. Every figure is a quotient of whole numbers or made from sums of whole numbers,
    so that threads do not change it.

    The biases are those of Surprise's BaselineOnly with its defaults: ten alternations, 10
    for items and 15 for users as regularisation, beginning with user biases of 0.
-#}

with

scopes as (
    select
        tenant_id,
        split_name,
        split_number,
        fold,
        row_number() over (order by split_number asc, fold asc) as scope_number,
        bool_or(model = 'bias') as has_bias
    from {{ ref('baseline_runs') }}
    where task = 'rating'
    group by tenant_id, split_name, split_number, fold
),

train_ratings as (

    select
        scopes.scope_number,
        scopes.has_bias,
        rating_assignments.user_key,
        rating_assignments.item_key,
        {{ millionths('rating_assignments.rating') }} as rating_millionths

    from {{ ref('rating_assignments') }} as rating_assignments

    inner join scopes
        on rating_assignments.split_number = scopes.split_number
        and rating_assignments.fold = scopes.fold

    where rating_assignments.split = 'train'

),

scope_totals as (
    select
        scope_number,
        count(*) as rating_count,
        sum(rating_millionths) as rating_millionths,
        min(rating_millionths) as minimum_millionths,
        max(rating_millionths) as maximum_millionths,
        cast(sum(rating_millionths) as double) / count(*) / 1e6 as mean
    from train_ratings
    group by scope_number
),

user_sums as (
    select
        scope_number,
        user_key,
        count(*) as rating_count,
        sum(rating_millionths) as rating_millionths
    from train_ratings
    group by all
),

item_sums as (
    select
        scope_number,
        item_key,
        count(*) as rating_count,
        sum(rating_millionths) as rating_millionths
    from train_ratings
    group by all
),

user_totals as (
    select
        user_sums.*,
        row_number() over (
            order by user_sums.scope_number asc, user_sums.user_key asc
        ) as user_number,
        scope_totals.mean
    from user_sums
    inner join scope_totals
        on user_sums.scope_number = scope_totals.scope_number
),

item_totals as (
    select
        item_sums.*,
        row_number() over (
            order by item_sums.scope_number asc, item_sums.item_key asc
        ) as item_number,
        scope_totals.mean
    from item_sums
    inner join scope_totals
        on item_sums.scope_number = scope_totals.scope_number
),

-- One join after the other: users and items share the number of their scope, by which
-- the planner would otherwise join all users with all items.

ratings_of_users as {{ written_out() }} (
    select
        train_ratings.scope_number,
        train_ratings.item_key,
        user_totals.user_number
    from train_ratings
    inner join user_totals
        on train_ratings.scope_number = user_totals.scope_number
        and train_ratings.user_key = user_totals.user_key
    where train_ratings.has_bias
),

numbered_ratings as {{ written_out() }} (
    select
        ratings_of_users.user_number,
        item_totals.item_number
    from ratings_of_users
    inner join item_totals
        on ratings_of_users.scope_number = item_totals.scope_number
        and ratings_of_users.item_key = item_totals.item_key
),

{{ bias_alternations(
    pairs='numbered_ratings',
    users='user_totals',
    items='item_totals',
    count=10,
    user_regularisation=15,
    item_regularisation=10,
) }},

fits as (

    select
        scope_number,
        'all' as entity,
        '' as entity_id,
        cast(null as bigint) as entity_key,
        rating_count,
        rating_millionths,
        cast(null as bigint) as bias

    from scope_totals

    union all

    select
        user_totals.scope_number,
        'user' as entity,
        users.user_id as entity_id,
        user_totals.user_key as entity_key,
        user_totals.rating_count,
        user_totals.rating_millionths,
        user_biases.bias

    from user_totals

    left join user_biases
        on user_totals.user_number = user_biases.user_number

    left join {{ ref('users') }} as users
        on user_totals.user_key = users.user_key

    union all

    select
        item_totals.scope_number,
        'item' as entity,
        items.item_id as entity_id,
        item_totals.item_key as entity_key,
        item_totals.rating_count,
        item_totals.rating_millionths,
        item_biases.bias

    from item_totals

    left join item_biases
        on item_totals.item_number = item_biases.item_number

    left join {{ ref('items') }} as items
        on item_totals.item_key = items.item_key

),

rating_fits as (

    select
        scopes.tenant_id,
        scopes.split_name,
        fits.entity,
        fits.entity_id,
        scopes.split_number,
        fits.entity_key,
        scopes.fold,
        fits.rating_count,
        cast(fits.rating_millionths as double) / fits.rating_count / 1e6
            as average_rating,
        case when scopes.has_bias then fits.bias / 1e12 end as bias,
        scope_totals.minimum_millionths / 1e6 as minimum_rating,
        scope_totals.maximum_millionths / 1e6 as maximum_rating

    from fits

    inner join scopes
        on fits.scope_number = scopes.scope_number

    inner join scope_totals
        on fits.scope_number = scope_totals.scope_number

)

select * from rating_fits
