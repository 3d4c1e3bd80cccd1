"""``winnow evaluate``: how good the models are, and which of them is better."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console


def evaluate(
    *,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant.")] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Which split.", show_default="each tenant's first"),
    ] = None,
    k: Annotated[
        int | None, typer.Option("--k", min=1, help="Only lists of this length.")
    ] = None,
) -> None:
    """Evaluate the models anew: a table of metrics, and who is better, in a sentence.

    Builds the evaluation layer on what is there, new predictions included; the next
    `winnow build` publishes it.
    """
    from ingest.settings import settings
    from winnow.cli import _stages
    from winnow.evaluation import build_evaluation, evaluations, print_evaluations

    here = settings()
    with _stages(Console(stderr=True)) as stage:
        build_evaluation(here, stage)
    found = evaluations(here.warehouse, tenant=tenant, split_name=split, k=k)
    print_evaluations(found, Console())
