{#-
    A rating that is a positive too lies in one part only: training.rating_assignments and
    training.split_assignments agree on it, in every split and fold, and both or neither
    have it.
-#}

with

split_assignments as (

    select
        split_assignments.tenant_id,
        split_assignments.interaction_id,
        split_assignments.split_name,
        split_assignments.split,
        split_assignments.fold

    from {{ ref('split_assignments') }} as split_assignments

    inner join {{ ref('interactions') }} as interactions
        on split_assignments.tenant_id = interactions.tenant_id
        and split_assignments.interaction_id = interactions.interaction_id

    where interactions.rating is not null

),

rating_assignments as (

    select
        tenant_id,
        interaction_id,
        split_name,
        split,
        fold

    from {{ ref('rating_assignments') }}

    where is_positive

),

disagreements as (

    select
        coalesce(rating_assignments.tenant_id, split_assignments.tenant_id)
            as tenant_id,
        coalesce(rating_assignments.interaction_id, split_assignments.interaction_id)
            as interaction_id,
        coalesce(rating_assignments.split_name, split_assignments.split_name)
            as split_name,
        coalesce(rating_assignments.fold, split_assignments.fold) as fold,
        rating_assignments.split as rating_split,
        split_assignments.split as positive_split

    from rating_assignments

    full outer join split_assignments
        on rating_assignments.tenant_id = split_assignments.tenant_id
        and rating_assignments.interaction_id = split_assignments.interaction_id
        and rating_assignments.split_name = split_assignments.split_name
        and rating_assignments.fold = split_assignments.fold

    where rating_assignments.split is distinct from split_assignments.split

)

select * from disagreements
