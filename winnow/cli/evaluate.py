"""``winnow evaluate``: how good the models are, and which of them is better."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from winnow.cli.progress import stages
from winnow.cli.terminal import MOST, stdout


def evaluate(
    *,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant.")] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Split to evaluate.", show_default="each tenant's first"),
    ] = None,
    k: Annotated[
        int | None,
        typer.Option(
            "--k",
            min=1,
            max=MOST,
            help="List length to show.",
            show_default="the middle one of metric_ks",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every list length and every baseline.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as JSON instead.")
    ] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print all metrics as CSV instead.")
    ] = False,
) -> None:
    """Evaluate the models, and say which is better.

    Shows each tenant's own models beside the best baseline. Builds the evaluation layer
    for all tenants, with new predictions; the next `winnow build` publishes it.
    """
    from winnow.core.errors import InputError
    from winnow.core.settings import project_settings
    from winnow.evaluation.results import (
        build_evaluation,
        check_request,
        evaluations,
        print_evaluations,
        write_csv,
        write_json,
    )

    if as_json and as_csv:
        raise InputError("Either --json or --csv: both would be printed at once.")
    here = project_settings()
    check_request(here.warehouse, tenant=tenant, split_name=split, k=k)
    with stages() as stage:
        build_evaluation(here, stage)
    results = evaluations(here.warehouse, tenant=tenant, split_name=split, k=k)
    if as_json:
        write_json(results, sys.stdout)
    elif as_csv:
        write_csv(results, sys.stdout)
    else:
        print_evaluations(results, stdout(), everything=everything)
