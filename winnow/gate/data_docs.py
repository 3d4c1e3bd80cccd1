"""Data Docs that need no network: one page, and for whoever asks, suites of Great
Expectations and their results as JSON.

Great Expectations' own pages load their style and script from the internet and are
blank without it.
"""

from __future__ import annotations

import html
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

from winnow.contracts.entities import Column, load_contracts
from winnow.contracts.tenants import TenantSettings, of_tenant

_STYLE = """
:root { --ok: #1a7f4b; --warning: #9a6700; --error: #b3261e; --line: #dde1e6; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2329; margin: 2rem auto;
  max-width: 68rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem }
h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--line); text-align: left }
th { font-weight: 600; color: #57606a }
.n { text-align: right; font-variant-numeric: tabular-nums }
.bar { background: var(--line); border-radius: 3px; width: 8rem; height: .5rem }
.bar i { display: block; height: 100%; border-radius: 3px; background: var(--ok) }
.warning i { background: var(--warning) } .error i { background: var(--error) }
.warning .verdict { color: var(--warning) } .error .verdict { color: var(--error);
  font-weight: 600 } .passed .verdict { color: var(--ok) }
.error td { background: #fdf3f2 } .warning td { background: #fdf8ec }
.examples { max-width: 24rem; overflow-wrap: anywhere }
code { background: #f3f4f6; border-radius: 3px; padding: 0 .3rem; margin-right: .3rem }
"""


LoadKey = tuple[str, str, str, str]
"""Tenant, source, entity and load id."""


@dataclass(frozen=True)
class Checked:
    """One rule of one load and entity, judged.

    ``failed`` of the ``checked`` values break it, and a share of ``mostly`` must keep
    it; ``is_tolerated`` where so few break it that no load is held for them. ``rows``
    are up to five that break the rule, with file and line, where it is an error.
    ``bound`` is what the rule asks of a value, ``advice`` a sentence on what helps,
    where anything fails.
    """

    tenant_id: str
    source: str
    entity: str
    load_id: str
    rule: str
    checked: int
    failed: int
    mostly: float
    is_tolerated: bool = False
    examples: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    bound: str = ""
    advice: str = ""

    @property
    def share(self) -> float:
        """The share of values that keep the rule, 0 to 1."""
        # Not 1 - failed / checked: 70 of 1,000 must not miss a threshold of 0.93.
        return (self.checked - self.failed) / self.checked

    @property
    def severity(self) -> str:
        """``passed``, ``warning`` or ``error``."""
        if self.share < self.mostly and not self.is_tolerated:
            return "error"
        return "warning" if self.share < self.warn_below else "passed"

    @property
    def warn_below(self) -> float:
        """The share below which a rule that is kept well enough is a warning."""
        return round((1 + self.mostly) / 2, 12)

    @property
    def suite(self) -> str:
        """The suite's name, which is also its file's."""
        return f"{self.source}.{self.entity}.{self.tenant_id}.{self.load_id}"

    @property
    def key(self) -> LoadKey:
        """The load's tenant, source, entity and id."""
        return self.tenant_id, self.source, self.entity, self.load_id

    def with_examples(self, examples: tuple[str, ...]) -> Checked:
        """The same, with values that break the rule."""
        return replace(self, examples=examples)


def with_bound(one: Checked, settings: TenantSettings) -> Checked:
    """The same, with what the rule asks of a value of this tenant."""
    name, _, rule = one.rule.rpartition(".")
    if rule == "readable":
        return replace(one, bound="a record that can be read")
    entity = load_contracts()[one.source, one.entity]
    for column in entity.columns:
        if column.name == name:
            return replace(one, bound=_bound(column, rule, one.tenant_id, settings))
    return one


def _bound(column: Column, rule: str, tenant: str, settings: TenantSettings) -> str:
    if rule == "minimum":
        least = of_tenant(settings, column.minimum_from, tenant) or column.minimum
        return f"{_number(least)} or more"
    if rule == "maximum":
        most = of_tenant(settings, column.maximum_from, tenant) or column.maximum
        return f"{_number(most)} or less"
    if rule == "accepted_values":
        if column.accepted_values is not None:
            return f"one of {', '.join(column.accepted_values)}"
        return f"one of seeds/{column.accepted_values_from}.csv"
    return {
        "required": "a value",
        "type": f"a {_TYPES.get(column.data_type, column.data_type)}",
        "max_length": f"{column.max_length} characters or fewer",
        "format": f"the form {column.format}",
    }.get(rule, "")


_TYPES = {
    "bigint": "whole number",
    "double": "number",
    "boolean": "true or false",
    "timestamp": "time",
    "date": "day",
}


def _number(bound: object) -> str:
    return f"{bound:,g}" if isinstance(bound, (int, float)) else str(bound)


SUITES, VALIDATIONS = "suites", "validations"
"""Folders of a load's suite and of its result, in files of the same name."""


def write_data_docs(
    folder: Path,
    checked: Sequence[Checked],
    reasons: Mapping[LoadKey, str],
    documents_of: Callable[[Sequence[Checked]], tuple[Any, Any]] | None = None,
) -> Path:
    """Write the page anew; the page's path. ``reasons`` say of loads that are held, or
    were released, why. ``documents_of`` gives the suite and the result of a load's
    rules, which are written, too.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    sections: list[tuple[int, str]] = []
    for suite, group in groupby(checked, key=lambda one: one.suite):
        rules = sorted(group, key=_worst_first)
        links = []
        for name, document in zip(
            (SUITES, VALIDATIONS),
            documents_of(rules) if documents_of else (),
            strict=False,
        ):
            path = folder / name / f"{suite}.json"
            path.parent.mkdir(exist_ok=True)
            said = json.dumps(document, indent=2, ensure_ascii=False)
            path.write_text(said, encoding="utf-8")
            links.append(f"{name}/{path.name}")
        reason = reasons.get(rules[0].key)
        place = 0 if reason else _SEVERITIES.index(rules[0].severity)
        sections.append((place, _section(rules, reason, links)))
    # Failures first; feeds of one severity stay in their order.
    ordered = [html for _, html in sorted(sections, key=lambda section: section[0])]
    page = folder / "index.html"
    page.write_text(_page(checked, ordered), encoding="utf-8")
    return page


_SEVERITIES = ("error", "warning", "passed")
_VERDICTS = {"error": "holds the load", "warning": "comes close", "passed": "passed"}


def _worst_first(one: Checked) -> tuple[int, float]:
    """Errors, then warnings, then the rest, of each those first that break most."""
    return _SEVERITIES.index(one.severity), -one.failed / one.checked


def _page(checked: Sequence[Checked], sections: Sequence[str]) -> str:
    errors = sum(one.severity == "error" for one in checked)
    close = sum(one.severity == "warning" for one in checked)
    verdict = f"{errors} hold their load" if errors else "none holds its load"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Quality gate</title><style>{_STYLE}</style>"
        "<h1>Quality gate</h1><p>The newest load of each feed, and every one that is "
        "held.</p>"
        f"<p>{len(checked)} rules judged: {verdict}, {close} come close.</p>"
        + ("".join(sections) or "<p>No rows have been loaded yet.</p>")
        + "</html>"
    )


def _section(rules: Sequence[Checked], reason: str | None, links: Sequence[str]) -> str:
    first = rules[0]
    rows = "".join(map(_row, rules))
    linked = " ".join(
        f"<small><a href='{quote(link)}'>{link.partition('/')[0]}</a></small>"
        for link in links
    )
    why = f"<p class=error><b class=verdict>{html.escape(reason or '')}</b></p>"
    return (
        f"<h2>{html.escape(first.tenant_id)} · {html.escape(first.source)}."
        f"{html.escape(first.entity)} · load {html.escape(first.load_id)} "
        f"{linked}</h2>{why if reason else ''}"
        f"<p>A rule holds the load when fewer than {_share(first.mostly)} of its "
        f"values keep it, and comes close below {_share(first.warn_below)}.</p>"
        "<table><tr><th>verdict<th>rule<th>must be<th class=n>checked<th class=n>broken"
        f"<th class=n>kept<th><th class=n>needed<th>examples</tr>{rows}</table>"
    )


def _row(one: Checked) -> str:
    kept = one.share
    examples = "".join(f"<code>{html.escape(value)}</code>" for value in one.examples)
    rows = "".join(f"<br>{html.escape(row)}" for row in one.rows)
    return (
        f"<tr class={one.severity}><td class=verdict>{_VERDICTS[one.severity]}"
        f"<td>{html.escape(one.rule)}<td>{html.escape(one.bound)}"
        f"<td class=n>{one.checked:,}"
        f"<td class=n>{one.failed:,}<td class=n>{_share(kept, one.failed > 0)}"
        f"<td><div class=bar><i style='width:{kept:.1%}'></i></div>"
        f"<td class=n>{_share(one.mostly)}"
        f"<td class=examples>{examples}{rows}</tr>"
    )


def _share(share: float, is_broken: bool = False) -> str:
    """A share in percent, never rounded to all where something is broken."""
    text = f"{share:.2%}"
    return "&lt; 100%" if is_broken and text == "100.00%" else text
