"""The dbt project's models and macros, rendered without dbt.

What the contracts ask of a row is written once: in YAML, and in the macros that make
SQL of it. dbt renders them for a build. This module renders the same files, for DuckDB
and by the same language; relations come without database and schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import yaml

from winnow.contracts.entities import ContractError, Entity, declared_tables
from winnow.core.settings import project_root
from winnow.warehouse.sql import identifier

_PROJECT = "winnow"


def project_vars() -> Mapping[str, Any]:
    """The vars of ``dbt_project.yml``."""
    return _vars(project_root())


@lru_cache(maxsize=4)
def _vars(root: Path) -> Mapping[str, Any]:
    project = yaml.safe_load((root / "dbt_project.yml").read_text("utf-8"))
    found: dict[str, Any] = project["vars"]
    return found


def missing_tokens() -> list[str]:
    """The texts that mean "nothing was given" in ids, numbers, times and the like."""
    return list(map(str, project_vars()["missing_tokens"]))


def characters(var: str) -> str:
    """The characters that a var of ``dbt_project.yml`` lists as code points."""
    return "".join(map(chr, project_vars()[var]))


def macro_value(macro: str, *arguments: Any) -> Any:
    """What a macro of the project gives: SQL, mostly. Raises ContractError where the
    macro refuses the arguments.
    """
    return _project(project_root()).macro(macro)(*arguments)


def model_sql(name: str) -> str:
    """The SQL of a model, as dbt compiles it, but for the relations' names."""
    return _model_sql(project_root(), name)


@lru_cache(maxsize=64)
def _model_sql(root: Path, name: str) -> str:
    (path,) = (root / "models").rglob(f"{name}.sql")
    return _project(root).render(path)


def staging_model(entity: Entity) -> str:
    """The model that casts the raw rows of an entity."""
    return f"stg_{entity.source}__{entity.name}"


def validated_model(entity: Entity) -> str:
    """The model that judges them."""
    return f"val_{entity.source}__{entity.name}"


class _Returned(Exception):
    """Ends a macro with a value, as dbt's ``return`` does."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Project:
    """Renders what contracts need of dbt: macros that call each other, the sources with
    their columns, names of relations.
    """

    def __init__(self, root: Path) -> None:
        self._files = {path.stem: path for path in (root / "macros").rglob("*.sql")}
        self._modules: dict[str, Any] = {}
        self._environment = jinja2.Environment(
            extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined
        )
        tables = [(source["name"], table) for _, source, table in declared_tables(root)]
        self._identifiers = {
            (source, table["name"]): table.get("identifier", table["name"])
            for source, table in tables
        }
        sources = {
            f"source.{_PROJECT}.{source}.{table['name']}": {
                "columns": {column["name"]: column for column in table["columns"]}
            }
            for source, table in tables
        }
        self._environment.globals |= {name: self.macro(name) for name in self._files}
        self._environment.globals |= {
            "adapter": SimpleNamespace(quote=identifier, dispatch=self._dispatched),
            "dbt": SimpleNamespace(
                string_literal=lambda text: f"'{text}'",
                escape_single_quotes=lambda text: text.replace("'", "''"),
            ),
            "exceptions": SimpleNamespace(raise_compiler_error=_refuse),
            "execute": True,
            "graph": SimpleNamespace(sources=sources),
            "project_name": _PROJECT,
            "ref": identifier,
            "return": _return,
            "source": lambda source, table: identifier(
                self._identifiers[source, table]
            ),
            "var": _vars(root).__getitem__,
        }

    def macro(self, name: str, file: str = "") -> Callable[..., Any]:
        """A macro, read from its file when it is first called: its own, or ``file``."""

        def called(*arguments: Any, **named: Any) -> Any:
            module = self._modules.get(file or name)
            if module is None:
                text = self._files[file or name].read_text("utf-8")
                module = self._environment.from_string(text).module
                self._modules[file or name] = module
            try:
                return getattr(module, name)(*arguments, **named)
            except _Returned as returned:
                return returned.value

        return called

    def render(self, path: Path) -> str:
        """A model's SQL."""
        return self._environment.from_string(path.read_text("utf-8")).render()

    def _dispatched(self, name: str, _package: str) -> Callable[..., Any]:
        return self.macro(f"default__{name}", file=name)


@lru_cache(maxsize=4)
def _project(root: Path) -> _Project:
    return _Project(root)


def _return(value: Any) -> None:
    raise _Returned(value)


def _refuse(sentence: str) -> None:
    raise ContractError(sentence)
