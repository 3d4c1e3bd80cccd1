{#-
    One row per list over the full catalogue, k and segment of users in which anything
    was recommended: how the first k places are shared out among the items of the
    tenant's catalogue. Recommended items that are not in the catalogue are left out.
-#}

with

recommendation_lists as (
    select * from {{ ref('recommendation_lists') }}
    where candidates = 'full'
),

recommendation_places as (
    select
        list_number,
        user_index,
        item_index,
        rank
    from {{ ref('recommendation_places') }}
    where item_index is not null
),

user_segments as (
    select * from {{ ref('user_segments') }}
    where relevant_count > 0
),

items as (
    select
        tenant_id,
        count(*) as item_count
    from {{ ref('items') }}
    group by tenant_id
),

metric_settings as (
    select
        tenant_id,
        ks,
        k_by_place
    from {{ ref('metric_settings') }}
),

scopes as (
    select
        split_number,
        fold,
        row_number() over (order by split_number asc, fold asc) as scope_number
    from recommendation_lists
    group by split_number, fold
),

numbered_lists as (
    select
        recommendation_lists.list_number,
        scopes.scope_number,
        metric_settings.k_by_place
    from recommendation_lists
    inner join scopes
        on recommendation_lists.split_number = scopes.split_number
        and recommendation_lists.fold = scopes.fold
    inner join metric_settings
        on recommendation_lists.tenant_id = metric_settings.tenant_id
),

groups as (
    select
        activity,
        popularity,
        user_age,
        row_number() over (
            order by activity asc, popularity asc, user_age asc
        ) as group_number
    from user_segments
    group by activity, popularity, user_age
),

list_depths as (
    select
        *,
        {{ numbers_below('1', 'len(k_by_place) + 1') }} as rank
    from numbered_lists
),

list_places as (
    select
        list_number,
        rank,
        k_by_place[rank] as k,
        scope_number
    from list_depths
),

scoped_users as (

    select
        scopes.scope_number,
        user_segments.user_index,
        groups.group_number

    from user_segments

    inner join scopes
        on user_segments.split_number = scopes.split_number
        and user_segments.fold = scopes.fold

    inner join groups
        on user_segments.activity = groups.activity
        and user_segments.popularity = groups.popularity
        and user_segments.user_age = groups.user_age

),

-- Each recommendation is counted once, in the smallest k that its place is within. Left
-- joins: DuckDB keeps their order and builds its hash tables from the small sides.

bucket_exposures as (

    select
        recommendation_places.list_number,
        scoped_users.group_number,
        recommendation_places.item_index,
        list_places.k,
        count(*) as exposure_count

    from recommendation_places

    left join list_places
        on recommendation_places.list_number = list_places.list_number
        and recommendation_places.rank = list_places.rank

    left join scoped_users
        on list_places.scope_number = scoped_users.scope_number
        and recommendation_places.user_index = scoped_users.user_index

    group by all

),

list_cuts as (
    select
        recommendation_lists.list_number,
        {{ rows_of("metric_settings.ks") }} as k
    from recommendation_lists
    inner join metric_settings
        on recommendation_lists.tenant_id = metric_settings.tenant_id
),

segments as (
    select
        group_number,
        {{ rows_of("['all', 'activity', 'popularity', 'user_age']") }} as segment_kind,
        {{ rows_of("['all', activity, popularity, user_age]") }} as segment
    from groups
),

exposures as (

    select
        bucket_exposures.list_number,
        segments.segment_kind,
        segments.segment,
        list_cuts.k,
        bucket_exposures.item_index,
        cast(sum(bucket_exposures.exposure_count) as bigint) as exposure_count

    from bucket_exposures

    inner join list_cuts
        on bucket_exposures.list_number = list_cuts.list_number
        and bucket_exposures.k <= list_cuts.k

    inner join segments
        on bucket_exposures.group_number = segments.group_number

    group by all

),

placed_exposures as (

    select
        *,
        row_number() over (
            partition by
                list_number,
                segment_kind,
                segment,
                k
            order by
                exposure_count asc,
                item_index asc
        ) as place

    from exposures

),

recommended_items as (
    select
        list_number,
        segment_kind,
        segment,
        k,
        count(*) as recommended_item_count,
        {{ gini('place', 'exposure_count') }} as gini
    from placed_exposures
    group by all
),

-- Items that are never recommended count as 0: with a share c of the catalogue and the
-- inequality g within that share, the inequality over the catalogue is 1 - c (1 - g).

exposure_metrics as (

    select
        recommendation_lists.tenant_id,
        recommended_items.segment_kind,
        recommended_items.segment,
        recommended_items.k,
        recommended_items.list_number,
        items.item_count,
        recommended_items.recommended_item_count,
        recommended_items.recommended_item_count / items.item_count as coverage,
        1 - recommended_items.recommended_item_count / items.item_count
        * (1 - recommended_items.gini) as exposure_gini

    from recommended_items

    inner join recommendation_lists
        on recommended_items.list_number = recommendation_lists.list_number

    inner join items
        on recommendation_lists.tenant_id = items.tenant_id

)

select * from exposure_metrics
