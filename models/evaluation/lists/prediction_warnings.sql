{#-
    One row per tenant, model, version of loaded predictions and warning: why the model
    may look worse than it is, or is not judged at all, in a sentence that goes on after
    the model's name.
-#}

{%- set known_share = 0.95 %}
{%- set model_key = ['tenant_id', 'model', 'model_version'] %}

{%- set warnings = {
    'no_tested_user': {
        'when': 'tested_user_count = 0',
        'message': some_of('0', 'user_count', 'user') ~ " || ' has test data' || "
            ~ ids_match('coalesce(unknown_user_id, first_user_id)', 'tested_user_id'),
        'counts': ['user_count', 'user_count'],
    },
    'unknown_users': {
        'when': 'tested_user_count > 0 and known_user_count < ' ~ known_share
            ~ ' * user_count',
        'message': some_of('user_count - known_user_count', 'user_count', 'user')
            ~ " || ' are unknown to the tenant' || "
            ~ ids_match('unknown_user_id', 'known_user_id'),
        'counts': ['user_count - known_user_count', 'user_count'],
    },
    'unknown_items': {
        'when': 'known_item_count < ' ~ known_share ~ ' * item_count',
        'message': "case when known_item_count = 0 then "
            ~ some_of('0', 'item_count', 'item') ~ " || ' is known to the tenant' else "
            ~ some_of('item_count - known_item_count', 'item_count', 'item')
            ~ " || ' are unknown to the tenant' end || "
            ~ ids_match('unknown_item_id', 'known_item_id'),
        'counts': ['item_count - known_item_count', 'item_count'],
    },
    'tied_ranks': {
        'when': 'tied_user_count > 0',
        'message': "'has two items at one rank in the lists of '"
            ~ " || cast(tied_user_count as varchar) || ' of its '"
            ~ " || cast(user_count as varchar) || ' users, such as ''' || tied_user_id"
            ~ " || '''; they stand by score, then by item_id'",
        'counts': ['tied_user_count', 'user_count'],
    },
    'merged_instants': {
        'when': 'merged_user_count > 0 and is_list',
        'message': "'has scores of several instants in the lists of '"
            ~ " || cast(merged_user_count as varchar) || ' of its '"
            ~ " || cast(user_count as varchar) || ' users, such as '''"
            ~ " || merged_user_id || '''; of each item the newest counts, so that'"
            ~ " || ' different runs need a model_version of their own'",
        'counts': ['merged_user_count', 'user_count'],
    },
    'replaced_lists': {
        'when': 'replaced_count > 0',
        'message': "'has ' || cast(replaced_count as varchar) || ' predictions of '"
            ~ " || cast(replaced_user_count as varchar) || ' users that a later load'"
            ~ " || ' replaced: ''' || replaced_file || ''' by ''' || newer_file"
            ~ " || '''; load files that share a user''s list together, or give each'"
            ~ " || ' run a model_version'",
        'counts': ['replaced_count', 'prediction_count + replaced_count'],
    },
    'no_ratings': {
        'when': 'not coalesce(are_ratings, true) and minimum_rating is not null',
        'message': "'is not judged as ratings: ' || cast(outside_count as varchar)"
            ~ " || ' of its ' || cast(score_count as varchar) || ' scores lie outside '"
            ~ " || printf('%g to %g', minimum_rating, maximum_rating)"
            ~ " || ', the range of the ratings; they run from '"
            ~ " || printf('%g to %g', minimum_score, maximum_score)",
        'counts': ['outside_count', 'score_count'],
    },
    'not_judged': {
        'when': 'not is_list and not is_rating',
        'message': "'is not judged: it has no ranks and all of its pairs met in the '"
            ~ " || 'data, so that it is no list, and it has no rating of a test '"
            ~ " || 'interaction; load its lists with ranks'",
        'counts': ['prediction_count', 'prediction_count'],
    },
} %}

with

prediction_checks as (
    select * from {{ ref('prediction_checks') }}
),

score_ranges as (
    select
        {{ model_key | join(", ") }},
        score_count,
        outside_count,
        minimum_score,
        maximum_score,
        minimum_rating,
        maximum_rating,
        are_ratings
    from {{ ref('score_ranges') }}
),

checks as (

    select
        prediction_checks.*,
        score_ranges.score_count,
        score_ranges.outside_count,
        score_ranges.minimum_score,
        score_ranges.maximum_score,
        score_ranges.minimum_rating,
        score_ranges.maximum_rating,
        score_ranges.are_ratings

    from prediction_checks

    left join score_ranges
        on prediction_checks.tenant_id = score_ranges.tenant_id
        and prediction_checks.model = score_ranges.model
        and prediction_checks.model_version = score_ranges.model_version

),

prediction_warnings as (

    {% for name, warning in warnings.items() -%}
    select
        {{ model_key | join(", ") }},
        '{{ name }}' as warning,
        {{ warning.message }} as message,
        {{ warning.counts[0] }} as affected_count,
        {{ warning.counts[1] }} as checked_count

    from checks

    where {{ warning.when }}

    {{ "union all" if not loop.last }}

    {% endfor %}
)

select * from prediction_warnings
