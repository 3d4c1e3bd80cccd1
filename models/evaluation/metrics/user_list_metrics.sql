{#-
    One row per list, user with something to find in test and something recommended, and
    k: what the first k places of the list are like, right or wrong. Users without a
    list have no row. Sampled lists have a length only: what else they are like was
    drawn.

    Each recommendation is counted once, in the smallest k that its place is within; the
    others add up the smaller ones. The similarity of all pairs of a list is had without
    pairs: items are unit vectors over categories, and the squared length of their sum
    is the sum of the cosines of all pairs, both ways and with itself.

    One model, although long: all its sums are of the same places up to k.
-#}

with

recommendation_lists as (
    select * from {{ ref('recommendation_lists') }}
),

recommendation_places as {{ inlined() }} (
    select
        list_number,
        user_index,
        item_index,
        rank
    from {{ ref('recommendation_places') }}
),

item_popularity as (
    select * from {{ ref('item_popularity') }}
),

user_segments as (
    select * from {{ ref('user_segments') }}
    where relevant_count > 0
),

items as (
    select
        tenant_id,
        item_key,
        item_index,
        list_distinct(categories) as categories
    from {{ ref('items') }}
),

metric_settings as (
    select
        tenant_id,
        ks,
        k_by_place
    from {{ ref('metric_settings') }}
),

cuts as (
    select
        tenant_id,
        {{ rows_of("ks") }} as k
    from metric_settings
),

scopes as (
    select
        tenant_id,
        split_number,
        fold,
        row_number() over (order by split_number asc, fold asc) as scope_number,
        dense_rank() over (order by tenant_id asc) as tenant_number
    from recommendation_lists
    group by tenant_id, split_number, fold
),

train_sizes as (
    select
        split_number,
        fold,
        max(train_user_count) as train_user_count
    from item_popularity
    group by all
),

numbered_lists as (

    select
        recommendation_lists.*,
        scopes.scope_number,
        scopes.tenant_number,
        train_sizes.train_user_count,
        metric_settings.k_by_place

    from recommendation_lists

    inner join metric_settings
        on recommendation_lists.tenant_id = metric_settings.tenant_id

    inner join scopes
        on recommendation_lists.split_number = scopes.split_number
        and recommendation_lists.fold = scopes.fold

    left join train_sizes
        on recommendation_lists.split_number = train_sizes.split_number
        and recommendation_lists.fold = train_sizes.fold

),

-- The places of each list up to the largest k, with the smallest k that each is within.

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
        scope_number,
        case candidates when 'full' then tenant_number end as tenant_number
    from list_depths
),

scoped_items as (

    select
        scopes.scope_number,
        items.item_index,
        coalesce(item_popularity.user_count, 0) as user_count,
        {{ exact_steps('log2(greatest(coalesce(item_popularity.user_count, 1), 1))') }}
            as information,
        cast(coalesce(len(items.categories) > 0, false) as bigint) as has_categories

    from items

    inner join scopes
        on items.tenant_id = scopes.tenant_id

    left join item_popularity
        on scopes.split_number = item_popularity.split_number
        and scopes.fold = item_popularity.fold
        and items.item_key = item_popularity.item_key

),

-- Left joins here and below: DuckDB keeps their order and builds its hash tables from
-- the small sides. What finds no match sums to nothing.

bucket_sums as (

    select
        recommendation_places.list_number,
        recommendation_places.user_index,
        list_places.k,
        count(*) as item_count,
        coalesce(sum(scoped_items.has_categories), 0) as categorised_count,
        coalesce(sum(scoped_items.user_count), 0) as user_count,
        coalesce(sum(scoped_items.information), 0) as information

    from recommendation_places

    left join list_places
        on recommendation_places.list_number = list_places.list_number
        and recommendation_places.rank = list_places.rank

    left join scoped_items
        on list_places.scope_number = scoped_items.scope_number
        and recommendation_places.item_index = scoped_items.item_index

    group by all

),

list_cuts as (
    select
        numbered_lists.list_number,
        cuts.k
    from numbered_lists
    inner join cuts
        on numbered_lists.tenant_id = cuts.tenant_id
),

list_sums as (

    select
        bucket_sums.list_number,
        bucket_sums.user_index,
        list_cuts.k,
        cast(sum(bucket_sums.item_count) as bigint) as item_count,
        sum(bucket_sums.categorised_count) as categorised_count,
        sum(bucket_sums.user_count) as user_count,
        sum(bucket_sums.information) / 1e12 as information

    from bucket_sums

    inner join list_cuts
        on bucket_sums.list_number = list_cuts.list_number
        and bucket_sums.k <= list_cuts.k

    group by all

),

-- Diversity: the sum of the unit vectors of a list, category by category.

item_categories as (
    select
        tenant_id,
        item_index,
        {{ rows_of("categories") }} as category,
        {{ exact_steps('1 / sqrt(len(categories))') }} as weight
    from items
),

numbered_categories as (

    select
        tenants.tenant_number,
        item_categories.item_index,
        item_categories.weight,
        dense_rank() over (order by item_categories.category asc) as category_number

    from item_categories

    inner join (
        select
            tenant_id,
            any_value(tenant_number) as tenant_number

        from scopes

        group by tenant_id
    ) as tenants
        on item_categories.tenant_id = tenants.tenant_id

),

bucket_vectors as (

    select
        recommendation_places.list_number,
        recommendation_places.user_index,
        numbered_categories.category_number,
        list_places.k,
        sum(numbered_categories.weight) as weight

    from recommendation_places

    left join list_places
        on recommendation_places.list_number = list_places.list_number
        and recommendation_places.rank = list_places.rank

    left join numbered_categories
        on list_places.tenant_number = numbered_categories.tenant_number
        and recommendation_places.item_index = numbered_categories.item_index

    group by all

),

list_vectors as (

    select
        bucket_vectors.list_number,
        bucket_vectors.user_index,
        bucket_vectors.category_number,
        list_cuts.k,
        sum(bucket_vectors.weight) / 1e12 as weight

    from bucket_vectors

    inner join list_cuts
        on bucket_vectors.list_number = list_cuts.list_number
        and bucket_vectors.k <= list_cuts.k

    group by all

),

list_lengths as (
    select
        list_number,
        user_index,
        k,
        {{ exact_sum('weight * weight') }} as squared_length
    from list_vectors
    group by all
),

user_list_metrics as (

    select
        numbered_lists.tenant_id,
        user_segments.user_id,
        numbered_lists.split_name,
        numbered_lists.model,
        numbered_lists.model_version,
        numbered_lists.candidates,
        list_sums.k,
        numbered_lists.fold,
        numbered_lists.list_number,
        list_sums.user_index,
        list_sums.item_count,
        case when numbered_lists.candidates = 'full'
                then
                    log2(numbered_lists.train_user_count)
                    - list_sums.information / list_sums.item_count
        end as novelty,
        case
            when
                numbered_lists.candidates = 'full'
                and list_sums.categorised_count >= 2
                then
                    greatest(
                        least(
                            1
                            - (
                                list_lengths.squared_length
                                - list_sums.categorised_count
                            ) / (
                                list_sums.categorised_count
                                * (list_sums.categorised_count - 1)
                            ),
                            1
                        ),
                        0
                    )
        end as diversity,
        case when numbered_lists.candidates = 'full'
                then
                    list_sums.user_count / list_sums.item_count
                    / user_segments.profile_popularity - 1
        end as popularity_bias

    from list_sums

    inner join numbered_lists
        on list_sums.list_number = numbered_lists.list_number

    inner join user_segments
        on numbered_lists.split_number = user_segments.split_number
        and numbered_lists.fold = user_segments.fold
        and list_sums.user_index = user_segments.user_index

    left join list_lengths
        on list_sums.list_number = list_lengths.list_number
        and list_sums.user_index = list_lengths.user_index
        and list_sums.k = list_lengths.k

)

select * from user_list_metrics
