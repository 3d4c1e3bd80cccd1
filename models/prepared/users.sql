{#-
    One row per tenant and user: every user with a profile, and every user who
    interacted although no profile is there.
-#}

with

profiles as (
    select * from {{ ref('user_records') }}
    where duplicate_rank = 1
),

interacting_users as (
    select
        tenant_id,
        user_id
    from {{ ref('interaction_records') }}
    where duplicate_rank = 1
    group by all
),

user_codes as (
    select
        tenant_id,
        user_id,
        user_index,
        {{ entity_key('user_index') }} as user_key
    from {{ ref('user_codes') }}
),

users as (

    select
        coalesce(profiles.tenant_id, interacting_users.tenant_id) as tenant_id,
        coalesce(profiles.user_id, interacting_users.user_id) as user_id,
        profiles.gender,
        profiles.occupation,
        profiles.country,
        profiles.postal_code,
        profiles.source,
        profiles.entity,
        profiles.file,
        profiles.load_id,
        profiles.age,
        profiles.row_number,
        profiles.user_id is not null as has_profile,
        interacting_users.user_id is not null as has_interactions,
        profiles.registered_at

    from profiles

    full outer join interacting_users
        on profiles.tenant_id = interacting_users.tenant_id
        and profiles.user_id = interacting_users.user_id

),

keyed as (

    select
        users.tenant_id,
        users.user_id,
        cast({{ uuid5(["'user'", "users.tenant_id", "users.user_id"]) }} as uuid)
            as user_uuid,
        user_codes.user_index,
        user_codes.user_key,
        users.gender,
        users.occupation,
        users.country,
        users.postal_code,
        users.source,
        users.entity,
        users.file,
        users.load_id,
        users.age,
        users.row_number,
        users.has_profile,
        users.has_interactions,
        users.registered_at

    from users

    left join user_codes
        on users.tenant_id = user_codes.tenant_id
        and users.user_id = user_codes.user_id

)

select * from keyed
