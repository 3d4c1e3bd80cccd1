{#-
    One row per positive (draw 0, label 1), explicit negative (draw 0, label 0) or drawn
    negative (draw 1 and on, label 0), with the features of its user and item as they stood
    strictly before the interaction's instant. Positives and explicit negatives have them
    from features.interaction_features. A drawn negative has its positive's user features,
    and those of its own item at the same instant by the same formulas from the timelines
    of the features layer.

    States are found by one sort instead of as-of joins: the draws of an item and the rows
    of its timeline are put in one order, and each draw takes the largest count of
    interactions in a frame that ends before its own moment. Counts only grow, so that an
    item and a count name one row of its timeline, which is joined afterwards. Only whole
    numbers are sorted; texts are joined to the result. Draws are known by user_key,
    interaction_order and draw.

    One model, although long: the states of draws are too large to be stored between two
    models.
-#}

{%- set day = 86400000000 -%}
{%- set windows = {'1d': day, '7d': 7 * day, '30d': 30 * day} -%}
{%- set user_features = [
    'user_interaction_count', 'user_positive_count', 'user_unique_item_count',
    'user_rating_count', 'user_average_rating', 'user_interaction_count_1d',
    'user_interaction_count_7d', 'user_interaction_count_30d',
    'user_days_since_last', 'user_days_since_first',
] -%}
{%- set item_features = [
    'item_price', 'item_interaction_count', 'item_positive_count',
    'item_unique_user_count', 'item_rating_count', 'item_average_rating',
    'item_interaction_count_1d', 'item_interaction_count_7d',
    'item_interaction_count_30d', 'item_days_since_last', 'item_days_since_first',
] -%}
{%- set user_category_features = [
    'user_category_interaction_count', 'user_category_positive_count',
    'user_category_share',
] -%}

with

positives as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        event_type,
        split,
        event_weight,
        interaction_order,
        interacted_at

    from {{ ref('positives') }}

),

explicit_negatives as (
    select
        tenant_id,
        interaction_id,
        event_type,
        negative_kind,
        split,
        interacted_at
    from {{ ref('explicit_negatives') }}
),

negative_draws as (
    select
        tenant_id,
        user_index,
        interaction_order,
        item_index,
        draw,
        sampling_probability
    from {{ ref('negative_draws') }}
),

interaction_features as (
    select * from {{ ref('interaction_features') }}
),

item_timeline as (

    select
        tenant_id,
        item_id,
        interaction_count,
        positive_count,
        unique_user_count,
        rating_count,
        rating_millionths,
        first_interacted_at,
        last_interacted_at

    from {{ ref('item_timeline') }}

),

user_category_timeline as (
    select
        tenant_id,
        user_id,
        category,
        interaction_count,
        positive_count,
        last_interaction_order,
        last_interacted_at
    from {{ ref('user_category_timeline') }}
),

item_versions as (

    select
        tenant_id,
        item_id,
        category,
        brand,
        version,
        version_number,
        category_number,
        price,
        valid_from,
        used_from,
        used_until

    from {{ ref('item_versions') }}

),

tenants as (
    select
        tenant_id,
        has_times
    from {{ ref('tenants') }}
),

numbered_users as (
    select
        tenant_id,
        user_id,
        user_index,
        user_key
    from {{ ref('users') }}
),

numbered_items as (
    select
        tenant_id,
        item_id,
        item_index,
        item_key
    from {{ ref('items') }}
),

categories as (
    select
        tenant_id,
        category,
        category_number
    from item_versions
    where category_number is not null
    group by all
),

numbered_versions as (
    select
        numbered_items.item_key,
        item_versions.version_number,
        item_versions.category_number,
        item_versions.used_from,
        item_versions.used_until
    from item_versions
    inner join numbered_items
        on item_versions.tenant_id = numbered_items.tenant_id
        and item_versions.item_id = numbered_items.item_id
),

moments as (
    select
        numbered_users.user_key,
        positives.interaction_order,
        case when tenants.has_times then positives.interacted_at end as as_of
    from positives
    inner join tenants
        on positives.tenant_id = tenants.tenant_id
    inner join numbered_users
        on positives.tenant_id = numbered_users.tenant_id
        and positives.user_id = numbered_users.user_id
),

draws as (

    select
        moments.user_key,
        moments.interaction_order,
        numbered_items.item_key,
        {{ moment_of('moments.as_of', 'moments.interaction_order') }} as moment,
        negative_draws.draw,
        negative_draws.sampling_probability,
        moments.as_of

    from negative_draws

    inner join numbered_users
        on negative_draws.tenant_id = numbered_users.tenant_id
        and negative_draws.user_index = numbered_users.user_index

    inner join numbered_items
        on negative_draws.tenant_id = numbered_items.tenant_id
        and negative_draws.item_index = numbered_items.item_index

    inner join moments
        on numbered_users.user_key = moments.user_key
        and negative_draws.interaction_order = moments.interaction_order

),

item_states as (

    select
        numbered_items.item_key,
        item_timeline.interaction_count as item_interactions,
        item_timeline.positive_count as item_positives,
        item_timeline.unique_user_count as item_users,
        item_timeline.rating_count as item_ratings,
        item_timeline.rating_millionths as item_rating_millionths,
        item_timeline.first_interacted_at as item_first_at,
        item_timeline.last_interacted_at as item_last_at,
        epoch_us(item_timeline.last_interacted_at) as moment

    from item_timeline

    inner join numbered_items
        on item_timeline.tenant_id = numbered_items.tenant_id
        and item_timeline.item_id = numbered_items.item_id

),

draws_and_item_states as {{ inlined() }} (

    select * from draws
    union all by name
    select
        item_key,
        moment,
        item_interactions
    from item_states

),

draws_with_items as {{ inlined() }} (

    select
        * exclude (item_interactions),
        {% for name, length in windows.items() -%}
        max(item_interactions) over (
            partition by item_key
            order by moment asc
            range between unbounded preceding and {{ length + 1 }} preceding
        ) as item_interactions_before_{{ name }},
        {% endfor -%}
        max(item_interactions) over (
            partition by item_key
            order by moment asc
            range between unbounded preceding and 1 preceding
        ) as item_interactions

    from draws_and_item_states

),

draws_with_versions as {{ inlined() }} (
    select
        drawn.*,
        numbered_versions.version_number,
        numbered_versions.category_number
    from draws_with_items as drawn
    left join numbered_versions
        on drawn.item_key = numbered_versions.item_key
        and coalesce(drawn.as_of, timestamp '0001-01-01 00:00:00')
        between numbered_versions.used_from and numbered_versions.used_until
    where drawn.draw is not null
),

category_states as (

    select
        numbered_users.user_key,
        categories.category_number,
        user_category_timeline.interaction_count as category_interactions,
        user_category_timeline.positive_count as category_positives,
        user_category_timeline.last_interacted_at as category_last_at,
        {{ moment_of(
            'user_category_timeline.last_interacted_at',
            'user_category_timeline.last_interaction_order'
        ) }} as moment

    from user_category_timeline

    inner join numbered_users
        on user_category_timeline.tenant_id = numbered_users.tenant_id
        and user_category_timeline.user_id = numbered_users.user_id

    inner join categories
        on user_category_timeline.tenant_id = categories.tenant_id
        and user_category_timeline.category = categories.category

),

draws_and_category_states as {{ inlined() }} (

    select * from draws_with_versions
    union all by name
    select
        user_key,
        category_number,
        moment,
        category_interactions
    from category_states

),

draws_with_categories as {{ inlined() }} (
    select
        * exclude (category_interactions),
        max(category_interactions) over (
            partition by user_key, category_number
            order by moment asc
            range between unbounded preceding and 1 preceding
        ) as category_interactions
    from draws_and_category_states
),

positive_examples as (

    select
        positives.tenant_id,
        positives.interaction_id,
        positives.user_id,
        positives.item_id,
        positives.event_type,
        'positive' as example_kind,
        positives.split,
        cast(0 as bigint) as draw,
        cast(1 as bigint) as label,
        positives.event_weight as sample_weight,
        cast(null as double) as sampling_probability,
        positives.interaction_order,
        interaction_features.* exclude (
            tenant_id, interaction_id, user_id, item_id
        ),
        positives.interacted_at

    from positives

    inner join interaction_features
        on positives.tenant_id = interaction_features.tenant_id
        and positives.interaction_id = interaction_features.interaction_id

),

explicit_examples as (

    select
        explicit_negatives.event_type,
        explicit_negatives.negative_kind as example_kind,
        explicit_negatives.split,
        cast(0 as bigint) as draw,
        cast(0 as bigint) as label,
        cast(1 as double) as sample_weight,
        cast(null as double) as sampling_probability,
        interaction_features.*,
        explicit_negatives.interacted_at

    from explicit_negatives

    inner join interaction_features
        on explicit_negatives.tenant_id = interaction_features.tenant_id
        and explicit_negatives.interaction_id = interaction_features.interaction_id

),

numbered_positive_examples as (
    select
        positive_examples.*,
        numbered_users.user_key
    from positive_examples
    inner join numbered_users
        on positive_examples.tenant_id = numbered_users.tenant_id
        and positive_examples.user_id = numbered_users.user_id
),

drawn_states as {{ inlined() }} (

    select
        drawn.*,
        {% for name in windows -%}
        coalesce(drawn.item_interactions, 0)
        - coalesce(drawn.item_interactions_before_{{ name }}, 0)
            as item_interactions_{{ name }},
        {% endfor -%}
        item_states.item_positives,
        item_states.item_users,
        item_states.item_ratings,
        item_states.item_rating_millionths,
        item_states.item_first_at,
        item_states.item_last_at,
        category_states.category_positives,
        category_states.category_last_at

    from draws_with_categories as drawn

    left join item_states
        on drawn.item_key = item_states.item_key
        and drawn.item_interactions = item_states.item_interactions

    left join category_states
        on drawn.user_key = category_states.user_key
        and drawn.category_number = category_states.category_number
        and drawn.category_interactions = category_states.category_interactions

    where drawn.draw is not null

),

negative_examples as (

    select
        positive.tenant_id,
        positive.interaction_id,
        positive.user_id,
        numbered_items.item_id,
        positive.event_type,
        'drawn' as example_kind,
        positive.split,
        item_versions.category as item_category,
        item_versions.brand as item_brand,
        drawn.draw,
        cast(0 as bigint) as label,
        cast(1 as double) as sample_weight,
        drawn.sampling_probability,
        {% for feature in user_features -%}
        positive.{{ feature }},
        {% endfor -%}
        {{ item_state_features(
            'drawn', 'item_versions', 'positive.user_interaction_count',
            windows.keys() | list
        ) }},
        case
            when item_versions.version > 1 then item_versions.valid_from
        end as item_valid_from,
        positive.user_last_interacted_at,
        drawn.item_last_at as item_last_interacted_at,
        drawn.category_last_at as user_category_last_interacted_at,
        positive.as_of,
        positive.interacted_at

    from drawn_states as drawn

    inner join numbered_positive_examples as positive
        on drawn.user_key = positive.user_key
        and drawn.interaction_order = positive.interaction_order

    inner join numbered_items
        on drawn.item_key = numbered_items.item_key

    left join item_versions
        on drawn.version_number = item_versions.version_number

),

labelled as (

    select * exclude (interaction_order) from positive_examples
    union all by name
    select * from explicit_examples
    union all by name
    select * from negative_examples

),

examples as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        event_type,
        example_kind,
        split,
        item_category,
        item_brand,
        draw,
        label,
        sample_weight,
        sampling_probability,
        {% for feature in user_features + item_features + user_category_features -%}
        {{ feature }},
        {% endfor -%}
        item_valid_from,
        user_last_interacted_at,
        item_last_interacted_at,
        user_category_last_interacted_at,
        as_of,
        interacted_at

    from labelled

)

select * from examples
