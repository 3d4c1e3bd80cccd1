"""Why a loaded model may look worse than it is: what the newest build found out."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import duckdb

from winnow.warehouse import has_table

_INVISIBLE = {"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"}


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
        return visible(f"Tenant {self.tenant_id}, {name}: {self.message}.")


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


def visible(text: str) -> str:
    """Text of the data as it can be printed: characters that a terminal would obey, or
    not show, as escapes such as ``\\x1b``.
    """
    if text.isprintable():
        return text
    return "".join(
        repr(character)[1:-1]
        if unicodedata.category(character) in _INVISIBLE
        else character
        for character in text
    )
