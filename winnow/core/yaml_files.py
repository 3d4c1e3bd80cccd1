"""YAML with its lines: what dbt's files declare, and where."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from winnow.core.errors import InputError
from winnow.core.file_names import path_text


class Mapping(dict[str, Any]):
    """A mapping that knows the line on which it begins."""

    line: int = 0


class _Loader(yaml.CSafeLoader):
    """Reads mappings as Mapping, and takes no key twice."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Iterator[Mapping]:
    found = Mapping()
    found.line = node.start_mark.line + 1
    yield found
    keys: set[str] = set()
    for key, _ in node.value:
        name = str(key.value)
        if name in keys:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {name} stands here twice", key.start_mark
            )
        keys.add(name)
    for key, value in loader.construct_mapping(node, deep=True).items():
        found[str(key)] = value


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(path: Path) -> Any:
    """What a YAML file holds. Raises InputError, naming file and line, for one that
    cannot be read.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except UnicodeDecodeError as error:
        raise InputError(f"{path_text(path)} is not UTF-8: {error.reason}.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise InputError(
            f"{path_text(path)}{line}: this is no YAML: {error.problem}."
        ) from error
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise InputError(f"{path_text(path)}: this is no YAML: {said}.") from error
