"""What a build made, per tenant: where every landed record went and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from winnow.cli.load_report import column_lines, file_lines
from winnow.cli.terminal import Grid, Terminal, text
from winnow.core.file_names import path_text
from winnow.core.visible_text import counted
from winnow.warehouse.builds import SHARES
from winnow.warehouse.reading import has_table, read_only

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from winnow.build.quality import Metric
    from winnow.build.validation import ValidationReport
    from winnow.gate import Load

_COLOURS = {"passed": "green", "warning": "yellow", "error": "bold red"}


@dataclass
class TenantReport:
    """Counts of one tenant; rows, except ``seconds`` (of the whole build)."""

    tenant_id: str
    landed: int = 0
    accepted: int = 0
    duplicates: int = 0
    held: int = 0
    replaced: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    rejected_rows: int = 0
    positives: int = 0
    negatives: int = 0


def tenant_reports(warehouse: Path) -> list[TenantReport]:
    """One report per tenant of a built warehouse, in the order of their ids; empty when
    nothing was built yet.
    """
    if not warehouse.exists():
        return []
    with read_only(warehouse) as connection:
        if not has_table(connection, "quality", "reconciliation"):
            return []
        reports: dict[str, TenantReport] = {}
        for tenant, *counts in connection.execute(
            "select tenant_id, sum(landed_count), sum(accepted_count), "
            "sum(rejected_count), sum(duplicate_count), sum(held_count), "
            "sum(replaced_count) "
            "from quality.reconciliation group by tenant_id order by tenant_id"
        ).fetchall():
            landed, accepted, rejected, duplicates, held, replaced = map(int, counts)
            reports[tenant] = TenantReport(
                tenant,
                landed=landed,
                accepted=accepted,
                rejected_rows=rejected,
                duplicates=duplicates,
                held=held,
                replaced=replaced,
            )
        for tenant, reason, count in connection.execute(
            "select tenant_id, reason, count(*) from validated.rejected_records, "
            "unnest(reasons) as unnested (reason) "
            "group by all order by tenant_id, count(*) desc, reason"
        ).fetchall():
            reports[tenant].rejected[reason] = int(count)
        for tenant, positives, negatives in connection.execute(
            "select tenant_id, positives, negatives from training.dataset_statistics"
        ).fetchall():
            reports[tenant].positives = int(positives)
            reports[tenant].negatives = int(negatives)
    return list(reports.values())


def print_reports(
    reports: list[TenantReport], terminal: Terminal, seconds: float | None = None
) -> None:
    """Print the table of tenants; ``seconds`` is how long the build took, where one was
    made.
    """
    table = Grid("What was built")
    table.texts("tenant, rejected by reason")
    table.numbers("landed", "accepted", "rejected", "duplicates")
    seldom = {
        name: [getattr(report, name) for report in reports]
        for name in ("held", "replaced")
    }
    seldom = {name: counts for name, counts in seldom.items() if any(counts)}
    table.numbers(*seldom, "positives", "negatives")
    for number, report in enumerate(reports):
        table.row(
            report.tenant_id,
            f"{report.landed:,}",
            f"{report.accepted:,}",
            f"{report.rejected_rows:,}",
            f"{report.duplicates:,}",
            *(f"{counts[number]:,}" for counts in seldom.values()),
            f"{report.positives:,}",
            f"{report.negatives:,}",
            style="bold",
        )
        for reason, count in report.rejected.items():
            table.row(f"  {reason}", "", "", f"{count:,}")
    terminal.print(table)
    if seconds is not None:
        terminal.say(f"Built in {seconds:,.1f} s.")


def print_metrics(metrics: Sequence[Metric], terminal: Terminal) -> None:
    """Print the shares of each tenant and entity, failures in red, and below them
    every other metric that failed.
    """
    table = Grid("Quality of what came last")
    table.texts("tenant, entity")
    table.numbers(*SHARES)
    feeds: dict[tuple[str, str, str], dict[str, Metric]] = {}
    for metric in metrics:
        key = (metric.tenant_id, metric.source, metric.entity)
        feeds.setdefault(key, {})[metric.dimension] = metric
    for (tenant, source, entity), by_dimension in feeds.items():
        cells = [_cell(by_dimension.get(dimension)) for dimension in SHARES]
        table.row(f"{tenant}, {source}.{entity}", *cells)
    if table.row_count:
        terminal.print(table)


def _cell(metric: Metric | None) -> Text:
    if metric is None or metric.value is None:
        return text("-")
    return text(f"{metric.value:.4f}", "red" if metric.failed else "")


def print_held(loads: Sequence[Load], terminal: Terminal) -> None:
    """Print each load that is held, why, and what to do about it."""
    held = f"{counted(len(loads), 'load')} {'is' if len(loads) == 1 else 'are'} held"
    terminal.say(f"{held}; everything else was built.", style="bold red")
    for load in loads:
        terminal.say(*load.message.splitlines())


def print_validation(report: ValidationReport, terminal: Terminal) -> None:
    """Print a line for each rule that was judged, the files, and the verdict."""
    for load in report.loads:
        terminal.say(
            f"{load.source}.{load.entity} of tenant {load.tenant_id}: "
            f"{load.landed:,} records, {load.accepted:,} accepted, "
            f"{load.rejected:,} rejected, {load.unreadable:,} unreadable",
            style="bold",
        )
        table = Grid()
        table.texts("rule")
        table.numbers("checked", "failed", "kept", "needed")
        table.texts("verdict", "examples")
        for rule in report.rules:
            of = (rule.tenant_id, rule.source, rule.entity)
            if of == (load.tenant_id, load.source, load.entity):
                table.row(
                    rule.rule,
                    f"{rule.checked:,}",
                    f"{rule.failed:,}",
                    f"{rule.share:.2%}",
                    f"{rule.threshold:.2%}",
                    text(rule.verdict, _COLOURS[rule.verdict]),
                    ", ".join(map(repr, rule.examples)),
                )
        terminal.print(table)
    terminal.say(
        *(
            f"{path_text(file.file)} ({file.entity}): {file.records:,} records, "
            f"{file.unreadable:,} unreadable."
            for file in report.files
            if file.skipped is None
        ),
        *column_lines(report.files, terminal.width),
        *file_lines(report.files, report.left_out),
        f"Data Docs: {report.data_docs}",
    )
    held = [load for load in report.loads if load.is_held]
    for load in held:
        terminal.say(
            f"{load.source}.{load.entity} would be held: {load.reason}",
            *(f"  {line}" for line in load.details),
        )
    for rule in report.rules:
        if rule.verdict == "warning" and rule.advice:
            terminal.say(f"{rule.rule}:", f"  {rule.advice}")
    for failure in report.quality:
        terminal.say(*failure.message.splitlines())
    for sentence in report.suspicions:
        terminal.say(f"Warning: {sentence}")
    stops = list(dict.fromkeys(name for load in held for name in load.short))
    stops += [
        beyond.metric.dimension
        for beyond in report.quality
        if beyond.metric.severity == "error"
    ]
    close = [rule.rule for rule in report.rules if rule.verdict == "warning"]
    verdict = "Passed"
    if close:
        verdict = f"Passed, though close to the limit ({', '.join(close)})"
    if stops:
        what = "hold this load" if held else "stop on this load"
        verdict = f"A build would {what} ({', '.join(stops)})"
    terminal.say(
        f"{verdict}: {report.accepted:,} records accepted, {report.rejected:,} "
        f"rejected, {report.unreadable:,} unreadable, in {report.seconds:.1f} s; "
        "nothing was loaded."
    )
