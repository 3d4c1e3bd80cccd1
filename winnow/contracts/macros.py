"""The dbt project's casting macros, rendered without dbt.

What a text means is written once, in ``macros/casting``. dbt renders it for the staging
views; this module renders the same files for the quality gate and the record models,
for DuckDB.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import yaml

from winnow.contracts.entities import ContractError
from winnow.core.settings import project_root

_FOLDER = Path("macros") / "casting"


def project_vars() -> Mapping[str, Any]:
    """The vars of ``dbt_project.yml``."""
    return _vars(project_root())


@lru_cache(maxsize=4)
def _vars(root: Path) -> Mapping[str, Any]:
    project = yaml.safe_load((root / "dbt_project.yml").read_text("utf-8"))
    found: dict[str, Any] = project["vars"]
    return found


@lru_cache(maxsize=4)
def _macros(root: Path) -> Any:
    """Every casting macro, as attributes of one module."""
    environment = jinja2.Environment(
        extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined
    )
    files = sorted((root / _FOLDER).glob("*.sql"))
    source = "\n".join(file.read_text("utf-8") for file in files)
    module: Any = None

    def dispatched(name: str, _package: str) -> Callable[..., str]:
        found: Callable[..., str] = getattr(module, f"default__{name}")
        return found

    module = environment.from_string(
        source,
        globals={
            "var": _vars(root).__getitem__,
            "return": lambda value: value,
            "adapter": SimpleNamespace(dispatch=dispatched),
            "dbt": SimpleNamespace(
                string_literal=lambda value: f"'{value}'",
                escape_single_quotes=lambda value: value.replace("'", "''"),
            ),
            "exceptions": SimpleNamespace(raise_compiler_error=_refuse),
            "checked_expression": lambda macro, argument, expression: expression,
        },
    ).module
    return module


def casting_sql(macro: str, *arguments: Any) -> str:
    """The SQL that a casting macro gives for these arguments (hashable ones).

    Raises ContractError where the macro refuses them.
    """
    return _casting_sql(project_root(), macro, *arguments)


@lru_cache(maxsize=1024)
def _casting_sql(root: Path, macro: str, *arguments: Any) -> str:
    sql: str = getattr(_macros(root), macro)(*arguments)
    return " ".join(sql.split("\n"))


def _refuse(sentence: str) -> None:
    raise ContractError(sentence)
