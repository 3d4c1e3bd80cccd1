"""Data Docs that need no network: one page, and the validation results as JSON.

Great Expectations' own pages load their style and script from the internet and are
blank without it.
"""

from __future__ import annotations

import html
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

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
code { background: #f3f4f6; border-radius: 3px; padding: 0 .3rem; margin-right: .3rem }
"""


@dataclass(frozen=True)
class Checked:
    """One rule of one tenant and entity, judged.

    ``severity`` is passed, warning or error; ``rows`` are up to five that break the
    rule, with file and line, where it is an error; ``validation`` is the suite's result
    as Great Expectations gives it, in JSON.
    """

    tenant_id: str
    source: str
    entity: str
    rule: str
    checked: int
    failed: int
    mostly: float
    severity: str
    examples: tuple[str, ...]
    validation: dict[str, Any]
    rows: tuple[str, ...] = ()

    @property
    def suite(self) -> str:
        """The suite's name, which is also its file's."""
        return f"{self.source}.{self.entity}.{self.tenant_id}"

    def with_examples(self, examples: tuple[str, ...]) -> Checked:
        """The same, with values that break the rule."""
        return replace(self, examples=examples)


def write_data_docs(folder: Path, checked: Sequence[Checked]) -> Path:
    """Write the page and the results anew; the page's path."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "validations").mkdir(parents=True)
    sections = []
    for suite, group in groupby(checked, key=lambda one: one.suite):
        rules = list(group)
        result = json.dumps(rules[0].validation, indent=2, ensure_ascii=False)
        (folder / "validations" / f"{suite}.json").write_text(result, encoding="utf-8")
        sections.append(_section(suite, rules))
    page = folder / "index.html"
    page.write_text(_page(checked, sections), encoding="utf-8")
    return page


def _page(checked: Sequence[Checked], sections: Sequence[str]) -> str:
    errors = sum(one.severity == "error" for one in checked)
    close = sum(one.severity == "warning" for one in checked)
    verdict = f"{errors} stop the build" if errors else "nothing stops the build"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Quality gate</title><style>{_STYLE}</style>"
        "<h1>Quality gate on raw</h1>"
        f"<p>{len(checked)} rules judged: {verdict}, {close} come close.</p>"
        + ("".join(sections) or "<p>No rows have been loaded yet.</p>")
        + "</html>"
    )


def _section(suite: str, rules: Sequence[Checked]) -> str:
    first = rules[0]
    rows = "".join(map(_row, rules))
    link = html.escape(f"validations/{suite}.json", quote=True)
    return (
        f"<h2>{html.escape(first.tenant_id)} · {html.escape(first.source)}."
        f"{html.escape(first.entity)} <small><a href='{link}'>result</a></small></h2>"
        "<table><tr><th>rule<th class=n>checked<th class=n>broken<th>kept<th class=n>"
        f"needed<th>verdict<th>examples</tr>{rows}</table>"
    )


def _row(one: Checked) -> str:
    kept = 1 - one.failed / one.checked
    examples = "".join(f"<code>{html.escape(value)}</code>" for value in one.examples)
    return (
        f"<tr class={one.severity}><td>{html.escape(one.rule)}"
        f"<td class=n>{one.checked:,}"
        f"<td class=n>{one.failed:,}<td title='{kept:.4%}'><div class=bar>"
        f"<i style='width:{kept:.1%}'></i></div><td class=n>{one.mostly:.1%}"
        f"<td class=verdict>{one.severity}<td>{examples}</tr>"
    )
