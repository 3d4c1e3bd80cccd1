{#-
    One row per tenant, split, fold, user with a test positive there, and item that the
    user had seen by the end of train: what no list should recommend. Seen is what counts
    as seen for negatives, positive or not. k_fold has no end of train: there it is what
    lies in the other folds. Only the splits and folds in which lists are judged: those of
    the ranking baselines, and the first split of tenants with predictions.
-#}

with

splits as (
    select * from {{ ref('splits') }}
    where is_first_split
),

split_cuts as (
    select * from {{ ref('split_cuts') }}
),

user_cuts as (
    select * from {{ ref('user_cuts') }}
),

predicting_tenants as (
    select tenant_id
    from {{ ref('predictions') }}
    group by tenant_id
),

scopes as (

    select
        split_number,
        fold

    from {{ ref('baseline_runs') }}

    where task = 'ranking'

    union

    select
        splits.split_number,
        splits.main_fold as fold

    from splits

    inner join predicting_tenants
        on splits.tenant_id = predicting_tenants.tenant_id

),

test_users as (
    select
        split_number,
        fold,
        assignments.user_key
    from {{ ref('split_assignments') }} as assignments
    inner join scopes using (split_number, fold)
    where assignments.split = 'test'
    group by all
),

seen_in_train as (

    select
        split_cuts.tenant_id,
        test_users.split_number,
        test_users.user_key,
        interactions.item_key,
        test_users.fold

    from {{ ref('interactions') }} as interactions

    inner join test_users
        on interactions.user_key = test_users.user_key

    inner join split_cuts
        on test_users.split_number = split_cuts.split_number
        and test_users.fold = split_cuts.fold

    left join user_cuts
        on test_users.split_number = user_cuts.split_number
        and test_users.user_key = user_cuts.user_key

    where
        interactions.is_seen
        and {{ interaction_split('interactions', 'split_cuts', 'user_cuts') }} = 'train'

    group by all

)

select * from seen_in_train
