"""Why a loaded model may look worse than it is: what the newest build found out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from winnow.core.errors import InputError
from winnow.core.visible_text import shown
from winnow.warehouse.reading import has_table, read_only

KNOWN_SHARE = 0.95
"""Of a model's users, and of its items: with a smaller share known it is warned of."""


@dataclass(frozen=True)
class PredictionWarning:
    """A row of ``evaluation.prediction_warnings``; ``message`` goes on after the name
    of the model. Counts are of users, items, predictions or scores.
    """

    tenant_id: str
    model: str
    model_version: str
    warning: str
    message: str
    affected_count: int
    checked_count: int

    @property
    def sentence(self) -> str:
        """The warning in one sentence, on one line."""
        name = f"{self.model} {self.model_version}".rstrip()
        return shown(f"Tenant {self.tenant_id}, {name}: {self.message}.")


def prediction_warnings(
    connection: duckdb.DuckDBPyConnection, tenant: str | None = None
) -> tuple[PredictionWarning, ...]:
    """The warnings of one tenant or all, by tenant and model; none where the evaluation
    layer was not built.
    """
    if not has_table(connection, "evaluation", "prediction_warnings"):
        return ()
    rows = connection.execute(
        "select tenant_id, model, model_version, warning, message, affected_count, "
        "checked_count from evaluation.prediction_warnings "
        "where ? is null or tenant_id = ? order by all",
        [tenant, tenant],
    ).fetchall()
    return tuple(PredictionWarning(*row) for row in rows)


def load_warnings(warehouse: Path, tenant: str, load_id: str) -> tuple[str, ...]:
    """Which models of a load of predictions have users or items that the tenant did not
    have at the last build, in sentences. Ids are compared as they landed. Nothing where
    the tenant was not built yet, or another process is writing.
    """
    try:
        with read_only(warehouse) as connection:
            tables = (("raw", "canonical_predictions"), ("prepared", "users"))
            if not all(has_table(connection, *table) for table in tables):
                return ()
            found = [
                sentence
                for what in ("user", "item")
                for sentence in _unknown(connection, what, tenant, load_id)
            ]
    except InputError:
        return ()
    return tuple(shown(sentence) for sentence in found)


def _unknown(
    connection: duckdb.DuckDBPyConnection, what: str, tenant: str, load_id: str
) -> Iterator[str]:
    """A sentence for each model of which the tenant knows too few users or items."""
    known = connection.execute(
        f"select min({what}_id) from prepared.{what}s where tenant_id = ?", [tenant]
    ).fetchone()
    if known is None or known[0] is None:
        return
    rows = connection.execute(
        f"""
        with predicted as (
            select distinct
                trim(model) as model,
                coalesce(trim(model_version), '') as model_version,
                trim({what}_id) as id
            from raw.canonical_predictions
            where tenant_id = ? and load_id = ? and {what}_id is not null
        )

        select
            concat_ws(' ', model, nullif(model_version, '')),
            count(*),
            count({what}s.{what}_id),
            min(id) filter ({what}s.{what}_id is null)
        from predicted
        left join prepared.{what}s as {what}s
            on {what}s.tenant_id = ? and predicted.id = {what}s.{what}_id
        group by model, model_version
        having count({what}s.{what}_id) < {KNOWN_SHARE} * count(*)
        order by all
        """,
        [tenant, load_id, tenant],
    ).fetchall()
    for model, count, known_count, example in rows:
        few = (
            f"none of its {count:,} {what}s is"
            if not known_count
            else f"{count - known_count:,} of its {count:,} {what}s are not"
        )
        yield (
            f"Tenant {tenant}, {model}: {few} in the last build; do the ids match? "
            f"'{example}' against '{known[0]}'."
        )
