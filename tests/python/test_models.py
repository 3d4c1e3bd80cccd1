"""What reads well and what other engines know: rules for the SQL of the project that
its linters do not have.
"""

from __future__ import annotations

import re
from pathlib import Path

from places import PROJECT_ROOT

LONG = 250
ENGINE = PROJECT_ROOT / "macros" / "engine"
ONLY_DUCKDB = {
    r"unnest *\(": "rows_of or numbers_below",
    r"hash *\(": "text_key",
    r"sha1 *\(": "uuid5",
    r"unhex *\(": "text_key",
    r"md5_number\w* *\(": "text_key",
    r"xor *\(": "bitwise_xor",
    r"error *\(": "raised_sentence",
    r"arg_(?:max|min) *\(": "max_by and min_by, which other engines have",
    r"list_(?:zip|reduce) *\(": "a macro of its own",
    r"read_(?:csv|json|parquet)\w* *\(": "a source",
    r"using key\b": "core_fallen_nodes",
    r"recurring\.": "core_fallen_nodes",
}
"""What only DuckDB knows, as patterns, and what stands for it outside macros/engine."""


def sql_of(path: Path) -> str:
    """The SQL of a file, without comments of Jinja and SQL."""
    return re.sub(r"{#.*?#}|--[^\n]*", "", path.read_text("utf-8"), flags=re.DOTALL)


def test_a_model_over_250_lines_says_in_its_header_why_it_is_one() -> None:
    silent = []
    for path in (PROJECT_ROOT / "models").rglob("*.sql"):
        text = path.read_text("utf-8")
        if text.count("\n") > LONG:
            header = re.search(r"{#-(.*?)-#}", text, flags=re.DOTALL)
            if header is None or "One model, although long:" not in header[1]:
                silent.append(path.name)
    assert not silent, (
        f"split them, or say `One model, although long:` why not: {silent}"
    )


def test_what_only_duckdb_knows_stands_in_the_engine_macros_alone() -> None:
    found = [
        f"{path.relative_to(PROJECT_ROOT)} has {match[0]!r}; take {instead}"
        for folder in ("models", "macros")
        for path in (PROJECT_ROOT / folder).rglob("*.sql")
        if ENGINE not in path.parents
        for pattern, instead in ONLY_DUCKDB.items()
        for match in re.finditer(rf"\b{pattern}", sql_of(path), flags=re.IGNORECASE)
    ]
    assert not found, found


def test_a_macro_has_a_writing_for_each_engine_in_the_engine_folder_alone() -> None:
    dispatching = {
        path
        for path in (PROJECT_ROOT / "macros").rglob("*.sql")
        if "adapter.dispatch(" in path.read_text("utf-8")
    }
    assert dispatching == set(ENGINE.glob("*.sql"))
