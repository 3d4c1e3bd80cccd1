{#-
    One row per tenant, split, fold, user with a test positive there, and item that the
    user had seen by the end of train: what no list should recommend. Seen is what counts
    as seen for negatives, positive or not. k_fold has no end of train: there it is what
    lies in the other folds. Only the splits and folds in which lists are judged: those of
    the ranking baselines, and the first split of tenants with predictions.
-#}

with

baseline_runs as (

    select
        tenant_id,
        split_name,
        fold

    from {{ ref('baseline_runs') }}

    where task = 'ranking'

),

splits as (

    select
        tenant_id,
        split_name,
        main_fold

    from {{ ref('splits') }}

    where is_first_split

),

predicting_tenants as (

    select tenant_id

    from {{ ref('predictions') }}

    group by tenant_id

),

split_cuts as (

    select
        tenant_id,
        split_name,
        method,
        fold,
        fold_count,
        is_by_time,
        train_until,
        validation_until

    from {{ ref('split_cuts') }}

),

user_cuts as (

    select
        tenant_id,
        user_id,
        split_name,
        split,
        train_until,
        validation_until

    from {{ ref('user_cuts') }}

),

interactions as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        interaction_order,
        interacted_at

    from {{ ref('interactions') }}

    where is_seen

),

test_positives as (

    select
        tenant_id,
        user_id,
        split_name,
        fold

    from {{ ref('split_assignments') }}

    where split = 'test'

),

scopes as (

    select *

    from baseline_runs

    union

    select
        splits.tenant_id,
        splits.split_name,
        splits.main_fold as fold

    from splits

    inner join predicting_tenants
        on splits.tenant_id = predicting_tenants.tenant_id

),

test_users as (

    select
        test_positives.tenant_id,
        test_positives.user_id,
        test_positives.split_name,
        test_positives.fold

    from test_positives

    inner join scopes
        on test_positives.tenant_id = scopes.tenant_id
        and test_positives.split_name = scopes.split_name
        and test_positives.fold = scopes.fold

    group by all

),

seen_in_train as (

    select
        test_users.tenant_id,
        test_users.user_id,
        interactions.item_id,
        test_users.split_name,
        test_users.fold

    from interactions

    inner join test_users
        on interactions.tenant_id = test_users.tenant_id
        and interactions.user_id = test_users.user_id

    inner join split_cuts
        on test_users.tenant_id = split_cuts.tenant_id
        and test_users.split_name = split_cuts.split_name
        and test_users.fold = split_cuts.fold

    left join user_cuts
        on test_users.tenant_id = user_cuts.tenant_id
        and test_users.split_name = user_cuts.split_name
        and test_users.user_id = user_cuts.user_id

    where {{ interaction_split('interactions', 'split_cuts', 'user_cuts') }} = 'train'

    group by all

)

select * from seen_in_train
