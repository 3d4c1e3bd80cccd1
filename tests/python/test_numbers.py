"""Numbers that nobody means, given to every option that takes one: one sentence, and
exit status 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from conftest import Command, Write

from winnow.cli.main import app

Option = tuple[tuple[str, ...], str, type]

ANY_SIGN = {("sample-data", "--seed")}
"""Options for which a number below 0 means something."""


def number_options(command: Any, path: tuple[str, ...] = ()) -> Iterator[Option]:
    """Every option of every command that takes a number."""
    if hasattr(command, "commands"):
        for name, below in command.commands.items():
            yield from number_options(below, (*path, name))
        return
    for parameter in command.params:
        kind = parameter.type_descriptor.annotation
        if kind in (int, float) and parameter.opts[0].startswith("--"):
            yield path, parameter.opts[0], kind


OPTIONS = list(number_options(typer.main.get_command(app)))


def test_the_options_are_found() -> None:
    assert (("load",), "--limit", int) in OPTIONS
    assert len(OPTIONS) > 15


@pytest.mark.parametrize("option", OPTIONS, ids=lambda one: " ".join([*one[0], one[1]]))
@pytest.mark.parametrize("value", ["-5", "1" + "0" * 30, "nan", "1e400"])
def test_an_absurd_number_is_a_sentence(
    option: Option, value: str, winnow: Command, write: Write, tmp_path: Path
) -> None:
    path, name, _ = option
    if value == "-5" and (path[0], name) in ANY_SIGN:
        return
    file = write("in.csv", "user_id,item_id\nu1,i1\n")
    needed: dict[tuple[str, ...], list[Any]] = {
        ("sample-data",): [tmp_path / "sample", "--users", "3", "--items", "3"],
        ("load",): ["canonical", file],
        ("validate",): ["canonical", file],
        ("export",): [tmp_path / "out"],
        ("rejected", "export"): [tmp_path / "bad.jsonl"],
    }
    code, out, err = winnow(*path, *needed.get(path, []), name, value)
    said = " ".join((out + err).split())
    assert code == 2, said
    assert name.lstrip("-").replace("-", "_") in said.replace("-", "_"), said
    assert "Traceback" not in said
