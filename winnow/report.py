"""What a build made, per tenant: where every landed record went and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from winnow.warehouse import has_table, read_only

_WIDTH = 112
"""Characters that the table needs; narrower terminals break its lines."""


@dataclass
class TenantReport:
    """Counts of one tenant; rows, except ``seconds`` (of the whole build)."""

    tenant_id: str
    landed: int = 0
    accepted: int = 0
    duplicates: int = 0
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
        for tenant, landed, accepted, rejected, duplicates in connection.execute(
            "select tenant_id, sum(landed_count), sum(accepted_count), "
            "sum(rejected_count), sum(duplicate_count) "
            "from quality.reconciliation group by tenant_id order by tenant_id"
        ).fetchall():
            reports[tenant] = TenantReport(
                tenant,
                landed=int(landed),
                accepted=int(accepted),
                rejected_rows=int(rejected),
                duplicates=int(duplicates),
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
    reports: list[TenantReport], console: Console, seconds: float | None = None
) -> None:
    """Print the table of tenants; ``seconds`` is how long the build took, where one was
    made.
    """
    table = Table(
        title="What was built",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("tenant, rejected by reason", overflow="fold", min_width=28)
    for heading in (
        *("landed", "accepted", "rejected", "duplicates"),
        *("positives", "negatives", "seconds"),
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for report in reports:
        table.add_row(
            report.tenant_id,
            f"{report.landed:,}",
            f"{report.accepted:,}",
            f"{report.rejected_rows:,}",
            f"{report.duplicates:,}",
            f"{report.positives:,}",
            f"{report.negatives:,}",
            "-" if seconds is None else f"{seconds:.1f}",
            style="bold",
        )
        for reason, count in report.rejected.items():
            table.add_row(f"  {reason}", "", "", f"{count:,}")
    console.width = max(console.width, _WIDTH)
    console.print(table)
