"""What README and docs say is so: their commands exist, their tables are the code's."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer
from documented import DocumentedCommand, commands

from ingest.contracts import PROJECT_ROOT
from ingest.settings import Settings
from winnow.cli import app

OF_WINNOW = [one for one in commands() if one.program == "winnow"]


def test_every_page_with_commands_is_looked_at() -> None:
    assert {"README.md", "loading.md", "quality.md", "training.md"} <= {
        one.page.name for one in OF_WINNOW
    }


@pytest.mark.parametrize("command", OF_WINNOW, ids=lambda one: one.line)
def test_a_documented_command_and_its_options_exist(
    command: DocumentedCommand,
) -> None:
    parse(typer.main.get_command(app), list(command.words[1:]))


def parse(command: Any, words: list[str]) -> None:
    """Read a command line down to its last command, and run nothing."""
    context = command.make_context("winnow", words)
    while hasattr(context.command, "resolve_command"):
        rest = [*context._protected_args, *context.args]
        name, found, rest = context.command.resolve_command(context, rest)
        assert found is not None
        context = found.make_context(name, rest, parent=context)


def test_a_command_that_does_not_exist_is_found() -> None:
    for words in (["load", "canonical", "f.csv", "--tenants", "a"], ["lod"]):
        with pytest.raises(Exception, match="No such"):
            parse(typer.main.get_command(app), words)


def test_every_documented_target_exists() -> None:
    makefile = (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    of_make = [one for one in commands() if one.program == "make"]
    assert of_make
    assert {word for one in of_make for word in one.words[1:2]} <= targets


def test_every_setting_is_documented_as_it_is() -> None:
    page = (PROJECT_ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(WINNOW_\w+)` \| `(.*?)` \| (.*?) \|$", page, re.M)
    assert documented == [
        (f"WINNOW_{name.upper()}", str(field.default), field.description)
        for name, field in Settings.model_fields.items()
    ]


def test_profiles_and_makefile_use_no_other_settings() -> None:
    known = {f"WINNOW_{name.upper()}" for name in Settings.model_fields}
    for name in ("profiles.yml", "Makefile"):
        text = (PROJECT_ROOT / name).read_text(encoding="utf-8")
        assert set(re.findall(r"WINNOW_[A-Z_]+", text)) <= known
