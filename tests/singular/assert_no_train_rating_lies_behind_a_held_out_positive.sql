{#-
    No leak: where a split is cut in time, no rating of its train is as late as a positive
    that it holds out; where it is cut within each user, none comes after such a positive
    of the same user.
-#}

with

split_cuts as (

    select
        tenant_id,
        split_name,
        fold,
        is_by_time

    from {{ ref('split_cuts') }}

    where method not in ('k_fold', 'user_hash')

),

split_assignments as (

    select
        tenant_id,
        user_id,
        split_name,
        fold,
        interaction_order,
        interacted_at

    from {{ ref('split_assignments') }}

    where split != 'train'

),

rating_assignments as (

    select
        tenant_id,
        user_id,
        split_name,
        fold,
        interaction_order,
        interacted_at

    from {{ ref('rating_assignments') }}

    where split = 'train'

),

first_held_out as (

    select
        split_assignments.tenant_id,
        split_assignments.split_name,
        split_assignments.fold,
        split_cuts.is_by_time,
        case when not split_cuts.is_by_time then split_assignments.user_id end
            as user_id,
        min(split_assignments.interaction_order) as first_order,
        min(split_assignments.interacted_at) as first_at

    from split_assignments

    inner join split_cuts
        on split_assignments.tenant_id = split_cuts.tenant_id
        and split_assignments.split_name = split_cuts.split_name
        and split_assignments.fold = split_cuts.fold

    group by all

),

late_by_time as (

    select
        rating_assignments.tenant_id,
        rating_assignments.split_name,
        rating_assignments.fold,
        rating_assignments.user_id,
        rating_assignments.interaction_order

    from rating_assignments

    inner join first_held_out
        on rating_assignments.tenant_id = first_held_out.tenant_id
        and rating_assignments.split_name = first_held_out.split_name
        and rating_assignments.fold = first_held_out.fold

    where
        first_held_out.is_by_time
        and rating_assignments.interacted_at >= first_held_out.first_at

),

late_within_users as (

    select
        rating_assignments.tenant_id,
        rating_assignments.split_name,
        rating_assignments.fold,
        rating_assignments.user_id,
        rating_assignments.interaction_order

    from rating_assignments

    inner join first_held_out
        on rating_assignments.tenant_id = first_held_out.tenant_id
        and rating_assignments.split_name = first_held_out.split_name
        and rating_assignments.fold = first_held_out.fold
        and rating_assignments.user_id = first_held_out.user_id

    where
        not first_held_out.is_by_time
        and rating_assignments.interaction_order > first_held_out.first_order

),

late_ratings as (

    select * from late_by_time
    union all
    select * from late_within_users

)

select * from late_ratings
