{#-
    One row per list, user with something to find in test and k: how well the first k
    places of the user's list were filled. Users without a list score 0.

    The only work on all recommendations is one join with the relevant items; what comes
    after it has one row per hit. Sums of fractions are made in whole numbers
    (exact_sum), so that the order of the rows does not matter.
-#}

with

recommendation_lists as (
    select * from {{ ref('recommendation_lists') }}
),

recommendation_places as (
    select
        list_number,
        user_index,
        item_index,
        rank
    from {{ ref('recommendation_places') }}
),

relevant_items as (
    select * from {{ ref('relevant_items') }}
),

cuts as (
    select
        tenant_id,
        {{ rows_of("ks") }} as k
    from {{ ref('metric_settings') }}
),

scopes as (
    select
        split_number,
        fold
    from recommendation_lists
    group by all
),

scoped_items as (
    select relevant_items.*
    from relevant_items
    semi join scopes using (split_number, fold)
),

-- The first occurrence of an item in a list is the one that counts.

hits as (

    select
        recommendation_lists.list_number,
        recommendation_lists.tenant_id,
        recommendation_places.user_index,
        scoped_items.item_index,
        any_value(scoped_items.gain) as gain,
        min(recommendation_places.rank) as rank

    from recommendation_places

    inner join recommendation_lists
        on recommendation_places.list_number = recommendation_lists.list_number

    inner join scoped_items
        on recommendation_lists.split_number = scoped_items.split_number
        and recommendation_lists.fold = scoped_items.fold
        and recommendation_places.user_index = scoped_items.user_index
        and recommendation_places.item_index = scoped_items.item_index

    group by all

),

numbered_hits as (
    select
        *,
        row_number() over (
            partition by
                list_number,
                user_index
            order by rank asc, item_index asc
        ) as hit_number
    from hits
),

hit_sums as (

    select
        numbered_hits.list_number,
        numbered_hits.user_index,
        cuts.k,
        count(*) as hit_count,
        min(numbered_hits.rank) as first_rank,
        {{ exact_sum('numbered_hits.hit_number / numbered_hits.rank') }}
            as precision_sum,
        {{ exact_sum('numbered_hits.gain / log2(numbered_hits.rank + 1)') }} as gain_sum

    from numbered_hits

    inner join cuts
        on numbered_hits.tenant_id = cuts.tenant_id
        and numbered_hits.rank <= cuts.k

    group by all

),

-- What there is to find, and the sum of the best list.

relevant_counts as (
    select
        split_number,
        fold,
        user_index,
        any_value(user_id) as user_id,
        count(*) as relevant_count
    from scoped_items
    group by split_number, fold, user_index
),

ideal_sums as (

    select
        scoped_items.split_number,
        scoped_items.fold,
        scoped_items.user_index,
        cuts.k,
        {{ exact_sum('scoped_items.gain / log2(scoped_items.place + 1)') }} as ideal_sum

    from scoped_items

    inner join cuts
        on scoped_items.tenant_id = cuts.tenant_id
        and scoped_items.place <= cuts.k

    group by all

),

user_ranking_metrics as (

    select
        recommendation_lists.tenant_id,
        relevant_counts.user_id,
        recommendation_lists.split_name,
        recommendation_lists.model,
        recommendation_lists.model_version,
        recommendation_lists.candidates,
        ideal_sums.k,
        recommendation_lists.fold,
        recommendation_lists.list_number,
        relevant_counts.user_index,
        relevant_counts.relevant_count,
        coalesce(hit_sums.hit_count, 0) as hit_count,
        coalesce(hit_sums.hit_count, 0) / ideal_sums.k as precision,
        coalesce(hit_sums.hit_count, 0) / relevant_counts.relevant_count as recall,
        coalesce(hit_sums.gain_sum / nullif(ideal_sums.ideal_sum, 0), 0) as ndcg,
        coalesce(1 / hit_sums.first_rank, 0) as mrr,
        coalesce(hit_sums.precision_sum / relevant_counts.relevant_count, 0) as map,
        cast(hit_sums.hit_count is not null as double) as hit_rate

    from recommendation_lists

    inner join ideal_sums
        on recommendation_lists.split_number = ideal_sums.split_number
        and recommendation_lists.fold = ideal_sums.fold

    inner join relevant_counts
        on ideal_sums.split_number = relevant_counts.split_number
        and ideal_sums.fold = relevant_counts.fold
        and ideal_sums.user_index = relevant_counts.user_index

    left join hit_sums
        on recommendation_lists.list_number = hit_sums.list_number
        and ideal_sums.user_index = hit_sums.user_index
        and ideal_sums.k = hit_sums.k

)

select * from user_ranking_metrics
