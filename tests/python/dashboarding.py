"""What the dashboard's tests look at: a small sample that is really loaded, built and
published, and tables of evaluation with figures that the tests know.
"""

from __future__ import annotations

from unittest import mock

import duckdb
import yaml
from noting import note_build
from places import PROJECT_ROOT

from winnow.build.dbt import run_dbt
from winnow.core.settings import Settings
from winnow.demo.sample_data import SampleSize, write_sample_data
from winnow.load.pipeline import load
from winnow.publish.generations import publish_generation
from winnow.warehouse.sql import literal

SHOP = "sample-shop"
OTHER = "recomart"

# Two earlier builds, so that there is something to see over time; the first of them
# failed in validity, and its threshold was another.
_EARLIER_BUILDS = """
insert into quality.metrics
select
    metrics.* replace (
        'earlier ' || days as build_id,
        case when dimension = 'validity' and days = 2 then 'failed' else status end
            as status,
        case
            when dimension = 'validity' and days = 2 then 0.5
            when dimension in ('freshness', 'latency') then value * (1 + days)
            else value - 0.001 * days
        end as value,
        case when dimension = 'completeness' then threshold - 0.1 else threshold end
            as threshold,
        built_at - to_days(days) as built_at
    )
from quality.metrics
cross join unnest([2, 1]) as earlier (days);
"""

_DRIFT = f"""
select
    '{SHOP}' as tenant_id,
    'canonical' as source,
    'interactions' as entity,
    variable,
    bucket,
    baseline_count,
    current_count,
    stability_index
from (values
    ('rating', 'tenth 10', 300::bigint, 100::bigint, 0.1),
    ('rating', 'tenth 2', 500::bigint, 250::bigint, 0.0),
    ('rating', 'tenth 1', 200::bigint, 150::bigint, 0.05),
    ('event_type', 'view', 900::bigint, 450::bigint, 0.0),
    ('event_type', 'purchase', 100::bigint, 50::bigint, 0.0)
) as buckets (variable, bucket, baseline_count, current_count, stability_index)
"""

# Model m of 1 to 4 has 0.1 * m for NDCG@10: the larger, the better.
MODELS = ("most_popular", "item_neighbours", "bias", "two towers")

_MODEL_METRICS = f"""
with

models as (

    select
        tenant_id,
        model,
        case when model = 'two towers' then 'v2' else '' end as model_version,
        number
    from (values
        ('most_popular', 1), ('item_neighbours', 2), ('bias', 3), ('two towers', 4)
    ) as models (model, number)
    cross join unnest(['{SHOP}', '{OTHER}']) as tenants (tenant_id)

),

metrics as (

    select
        metric,
        factor,
        unnest(case when metric in ('rmse', 'mae') then [null] else [5, 10, 20] end)
            ::bigint as k
    from (values
        ('ndcg', 1.0), ('precision', 0.6), ('recall', 0.8), ('coverage', 1.5),
        ('rmse', 3.0), ('mae', 2.0)
    ) as metrics (metric, factor)

)

select
    tenant_id,
    split_name,
    model,
    model_version,
    candidates,
    metric,
    segment_kind,
    segment,
    k,
    fold::bigint as fold,
    100::bigint as user_count,
    0.1 * number * factor
    * (1 + 0.05 * (coalesce(k, 10) - 10) / 10)
    * (1 + 0.2 * place) as value
from models
cross join metrics
cross join (values
    ('by_time', 0, 'full'), ('by_time', 0, 'sampled'), ('last_out', 0, 'full')
) as scopes (split_name, fold, candidates)
cross join (values
    ('all', 'all', 0),
    ('activity', 'low', -1), ('activity', 'medium', 0), ('activity', 'high', 1),
    ('popularity', 'niche', 1), ('popularity', 'blockbuster', -1),
    ('user_age', 'new', -1), ('user_age', 'old', 1)
) as segments (segment_kind, segment, place)
"""

_MODEL_COMPARISONS = f"""
with

pairs as (

    select
        a.*,
        b.model as model_b,
        b.model_version as model_version_b,
        b.value as mean_b,
        b.value - a.value as difference,
        case a.metric
            when 'ndcg' then 'higher'
            when 'rmse' then 'lower'
        end as better_when
    from evaluation.model_metrics as a
    inner join evaluation.model_metrics as b
        on
            a.tenant_id = b.tenant_id
            and a.split_name = b.split_name
            and a.fold = b.fold
            and a.candidates = b.candidates
            and a.metric = b.metric
            and a.k is not distinct from b.k
            and a.segment_kind = 'all'
            and b.segment_kind = 'all'
            and a.model < b.model
    where a.tenant_id = '{SHOP}'

)

select
    tenant_id,
    split_name,
    model as model_a,
    model_version as model_version_a,
    model_b,
    model_version_b,
    candidates,
    metric,
    better_when,
    case
        when abs(difference) <= 0.15
            then 'no difference shown; about 250 more users needed'
        when better_when is null then 'different, p = 0.002 after Holm'
        when (difference > 0) = (better_when = 'higher')
            then 'B better, p = 0.002 after Holm'
        else 'A better, p = 0.002 after Holm'
    end as verdict,
    k,
    fold,
    3 as look_count,
    user_count,
    value as mean_a,
    mean_b,
    difference,
    100 * difference / value as improvement_percent,
    case when abs(difference) > 0.15 then 0.001 else 0.2 end as p_value,
    case when abs(difference) > 0.15 then 0.002 else 0.4 end as p_value_holm,
    difference - 0.12 as interval_low,
    difference + 0.12 as interval_high,
    difference - 0.14 as bootstrap_low,
    difference + 0.11 as bootstrap_high,
    difference / 0.6 as effect_size,
    abs(difference) > 0.15 as is_significant
from pairs
"""

_DAILY_COMPARISONS = """
select
    tenant_id, split_name, model_a, model_version_a, model_b, model_version_b,
    candidates, metric, better_when, verdict, k, fold, day, user_count,
    difference * day / 3 as difference, p_value,
    difference * day / 3 - 0.3 / day as interval_low,
    difference * day / 3 + 0.3 / day as interval_high,
    is_significant and day > 1 as is_significant
from evaluation.model_comparisons
cross join (values (1), (2), (3)) as days (day)
"""

_BUSINESS_METRICS = f"""
select
    '{SHOP}' as tenant_id, 'by_time' as split_name, model, '' as model_version,
    'full' as candidates, 0 as fold, 100 as user_count,
    12.5 * place as revenue_per_user, 0.02 * place as conversion_rate,
    null::double as satisfaction_share, 30.5 as daily_active_users
from (values ('most_popular', 1), ('bias', 2)) as models (model, place)
"""

_SAMPLE_RATIO_CHECKS = f"""
select
    '{SHOP}' as tenant_id, model,
    'the shares are not as planned (p = 1e-9)' as verdict, users as user_count,
    0.5 as planned_share, users / 100 as observed_share, true as is_mismatch
from (values ('most_popular', 20), ('bias', 80)) as models (model, users)
"""

# Twelve days: ten done, the eleventh failed, the last not begun.
_BATCH_PROGRESS = f"""
select
    '{SHOP}' as tenant_id,
    'by_time' as split_name,
    0::bigint as fold,
    day::bigint as day,
    case when day < 11 then 'done' when day = 11 then 'failed' else 'planned' end
        as state,
    (50 + day % 2)::bigint as rows,
    case when day < 12 then 0.5 + 0.01 * day end as seconds,
    case when day < 12 then (50 + day % 2) / (0.5 + 0.01 * day) end as rows_per_second,
    case when day < 12 then 0.001 * day end as error_rate,
    case when day < 12 then 1 - 0.002 * day end as quality_score,
    case when day = 11 then 'its quality score of 0.2 is below 0.9.' end as message,
    case when day < 12 then timestamp '2024-03-01 02:00:00' + to_days(day::int) end
        as started_at,
    case when day < 11 then timestamp '2024-03-01 02:00:01' + to_days(day::int) end
        as finished_at
from range(1, 13) as days (day)
"""

EVALUATION = {
    "evaluation.model_metrics": _MODEL_METRICS,
    "evaluation.model_comparisons": _MODEL_COMPARISONS,
    "evaluation.daily_comparisons": _DAILY_COMPARISONS,
    "evaluation.business_metrics": _BUSINESS_METRICS,
    "evaluation.sample_ratio_checks": _SAMPLE_RATIO_CHECKS,
    "evaluation.batch_progress": _BATCH_PROGRESS,
}
"""Tables whose rows the tests know, in the order in which they can be made."""

# Two tenants. The users u1 to u30 of the shop have as many interactions as their number
# says; item i1 has 300, and so on down to i10.
_REST = {
    "prepared.interactions": "select null as tenant_id where false",
    "prepared.tenants": f"""
        select unnest(['{SHOP}', '{OTHER}']) as tenant_id,
            unnest([465, 400]) as interaction_count
    """,
    "training.dataset_statistics": f"""
        select
            * replace (unnest(['{SHOP}', '{OTHER}']) as tenant_id)
        from (select
            '' as tenant_id, 30 as users, 10 as items, 465 as interactions,
            200 as positives, 800 as negatives, 0.5 as density, 0.3 as item_gini,
            90.5 as span_days, timestamp '2024-01-01' as first_interacted_at,
            timestamp '2024-03-31 12:00:00' as last_interacted_at)
    """,
    "quality.reconciliation": f"""
        select * from (values
            ('{SHOP}', 'canonical', 'interactions', 'load 1',
                500, 465, 25, 10, 0, 0, 0),
            ('{SHOP}', 'canonical', 'items', 'load 1', 11, 10, 1, 0, 0, 0, 0),
            ('{OTHER}', 'recomart', 'transactions', 'load 2', 477, 465, 5, 0, 4, 3, 0)
        ) as went (
            tenant_id, source, entity, load_id, landed_count, accepted_count,
            rejected_count, duplicate_count, held_count, replaced_count,
            erased_count
        )
    """,
    "quality.load_counts": """
        select
            tenant_id, source, entity, load_id, landed_count, false as is_replaced,
            timestamp '2024-04-01 10:00:00' as loaded_at
        from quality.reconciliation
    """,
    "validated.rejected_records": f"""
        select
            '{SHOP}' as tenant_id,
            case when range < 15 then ['rating.maximum', 'user_id.required']
                else ['rating.maximum'] end as reasons
        from range(26)
    """,
    "quality.metrics": f"""
        select
            tenant_id, source, entity, dimension, status, severity, '{{}}' as details,
            'newest' as build_id, value, threshold, 90 as kept_count,
            case when entity = 'interactions' then 100 else 10 end as checked_count,
            timestamp '2024-04-01 10:00:00' as judged_until,
            timestamp '2024-04-02 10:00:00' as built_at
        from (values
            ('{SHOP}', 'canonical', 'interactions'), ('{SHOP}', 'canonical', 'items'),
            ('{OTHER}', 'recomart', 'transactions')
        ) as feeds (tenant_id, source, entity)
        cross join (values
            ('completeness', 'passed', 'error', 0.99, 0.9),
            ('validity', 'passed', 'error', 0.98, 0.9),
            ('uniqueness', 'passed', 'error', 1.0, 0.9),
            ('consistency', 'failed', 'warn', 0.7, 0.9),
            ('overall', 'passed', 'error', 0.92, 0.9),
            ('freshness', 'not_judged', 'warn', 7200.0, null),
            ('volume', 'insufficient_history', 'warn', null, 3.0),
            ('drift_rating', 'passed', 'warn', 0.15, 0.25)
        ) as figures (dimension, status, severity, value, threshold)
    """,
    "quality.drift": _DRIFT,
    "features.user_features": f"""
        select
            '{SHOP}' as tenant_id, 'u' || number as user_id,
            'games' as favourite_category, ['i1', 'i2'] as recent_item_ids,
            number as interaction_count, 5 as unique_item_count,
            number as positive_count, 0 as rating_count, number as view_count,
            0 as click_count, 0 as like_count, 0 as add_to_cart_count,
            number * 2 as purchase_count, 0 as rating_event_count, 0 as other_count,
            3 as active_day_count, 1.5 as recency_days
        from range(1, 31) as users (number)
    """,
    "prepared.users": f"""
        select '{SHOP}' as tenant_id, 'u' || range as user_id from range(1, 31)
    """,
    "features.user_category_affinity": f"""
        select
            '{SHOP}' as tenant_id, 'u30' as user_id, category, 10 as interaction_count,
            5 as positive_count, share as affinity_share, place as category_rank
        from (values ('games', 0.75, 1), ('tools', 0.25, 2))
            as shares (category, share, place)
    """,
    "prepared.items": f"""
        select
            '{SHOP}' as tenant_id, 'i' || range as item_id, 'Item ' || range as title,
            'games' as category
        from range(1, 11)
    """,
    "features.item_features": f"""
        select
            '{SHOP}' as tenant_id, 'i' || number as item_id,
            330 - 30 * number as interaction_count, 5 as unique_user_count,
            number as positive_count, 0 as view_count, 7 as click_count,
            0 as like_count, 0 as add_to_cart_count, 3 as purchase_count,
            0 as rating_event_count, 0 as other_count
        from range(1, 11) as items (number)
    """,
    "features.user_recent_items": f"""
        select
            '{SHOP}' as tenant_id, 'u30' as user_id, 'x' || number as interaction_id,
            'i' || number as item_id,
            case when number = 1 then 'purchase' else 'view' end as event_type,
            number as recency_rank,
            timestamp '2024-03-31 23:30:00' - to_days(number::int) as interacted_at
        from range(1, 6) as recent (number)
    """,
}

DECLARED = {
    f"{layer.name}.{model['name']}": model
    for layer in (PROJECT_ROOT / "models").iterdir()
    for file in sorted(layer.rglob("*.yml"))
    for model in yaml.load(file.read_text("utf-8"), yaml.CSafeLoader).get("models", [])
}
"""What the project declares of its tables, by schema and name."""


def make_warehouse(settings: Settings) -> None:
    """Write a warehouse without dbt: the declared columns, and rows the tests know."""
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.warehouse)) as connection:
        for name, rows in (_REST | EVALUATION).items():
            schema = name.partition(".")[0]
            connection.execute(f"create schema if not exists {schema}")
            if not put(connection, name, rows):
                connection.execute(f"create table {name} as {rows}")
        connection.execute(_EARLIER_BUILDS)


def empty(settings: Settings) -> None:
    """Take every row out of a warehouse."""
    with duckdb.connect(str(settings.warehouse)) as connection:
        for name in _REST | EVALUATION:
            connection.execute(f"delete from {name}")


def put(connection: duckdb.DuckDBPyConnection, name: str, rows: str) -> bool:
    """Make a table of the declared columns, and put rows into it that have some of
    them; whether it is declared.
    """
    if name not in DECLARED:
        return False
    columns = DECLARED[name]["columns"]
    declared = ", ".join(f"{one['name']} {one['data_type']}" for one in columns)
    connection.execute(f"create or replace table {name} ({declared})")
    connection.execute(f"insert into {name} by name {rows}")
    said = [(f"table {name}", DECLARED[name]["description"])]
    said += [(f"column {name}.{one['name']}", one["description"]) for one in columns]
    for what, description in said:
        connection.execute(f"comment on {what} is {literal(description)}")
    return True


def build_sample(settings: Settings) -> None:
    """Load made-up data of two tenants and build every layer, without dbt's tests."""
    folder = settings.warehouse.parent / "sample"
    write_sample_data(folder, SampleSize(600, 200, 15_000, 60, 7, 0.01))
    load("canonical", str(folder / "canonical"), tenant=SHOP, settings=settings)
    load("recomart", str(folder / "recomart"), settings=settings)
    arguments = ["build", "--exclude-resource-type", "unit_test", "test"]
    result = run_dbt(settings, arguments)
    assert result.succeeded, result.failures


def add_evaluation(settings: Settings) -> None:
    """Put the known tables of evaluation into a built warehouse, and history into
    ``quality``.
    """
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(_EARLIER_BUILDS)
        views = connection.execute(
            "select schema_name || '.' || view_name from duckdb_views()"
        ).fetchall()
        for name, rows in (EVALUATION | {"quality.drift": _DRIFT}).items():
            if (name,) in views:
                connection.execute(f"drop view {name}")
            if not put(connection, name, rows):
                connection.execute(f"create or replace table {name} as {rows}")


def publish(settings: Settings) -> int:
    """Publish the warehouse as it stands; the number of the generation. Its figures
    are made up, so that they need not add up.
    """
    note_build(settings, seconds=61.4)
    with mock.patch("winnow.publish.generations.imbalance", return_value=None):
        return publish_generation(settings).generation
