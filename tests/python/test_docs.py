"""What README and docs say is so: their commands exist, their tables are the code's."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import tomllib
from contextlib import suppress
from typing import Any

import pytest
import typer
import yaml
from conftest import Command, Write
from documented import DocumentedCommand, commands
from places import PROJECT_ROOT

from winnow.cli.main import app
from winnow.core.settings import Settings
from winnow.evaluation.batches import Plan
from winnow.export.files import ExportReport
from winnow.publish.generations import Publication

OF_WINNOW = [one for one in commands() if one.program == "winnow"]


def test_every_page_with_commands_is_looked_at() -> None:
    assert {"README.md", "loading.md", "quality.md", "training.md"} <= {
        one.page.name for one in OF_WINNOW
    }


@pytest.mark.parametrize("command", OF_WINNOW, ids=lambda one: one.line)
def test_a_documented_command_and_its_options_exist(
    command: DocumentedCommand,
) -> None:
    with suppress(typer.Exit, SystemExit):  # Of options such as --version.
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


def test_what_is_tested_for_a_change_is_what_runs_anywhere() -> None:
    """The workflow is ``.ci/run``, and that is targets of make."""
    path = PROJECT_ROOT / ".github" / "workflows" / "test.yml"
    workflow = yaml.safe_load(path.read_text("utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    script = PROJECT_ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    lines = script.read_text("utf-8").splitlines()
    suites = [line.removeprefix("make ") for line in lines if line.startswith("make ")]
    makefile = (PROJECT_ROOT / "Makefile").read_text("utf-8")
    tests = set(re.findall(r"^(test[a-z-]*):", makefile, re.MULTILINE))
    assert {*suites, "test-faults"} == tests  # That one takes an hour.


def drawn(picture: str, kind: str) -> list[str]:
    """The titles of one kind in a picture of the docs, from top to bottom."""
    text = (PROJECT_ROOT / "docs" / "images" / picture).read_text(encoding="utf-8")
    return re.findall(rf'<text class="title {kind}"[^>]*>(.*?)</text>', text)


def test_the_pictures_have_every_room_and_every_layer() -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    [lines] = [contract["layers"] for contract in contracts if "layers" in contract]
    rooms = re.findall(r"(?:winnow\.)?(\w+)", " ".join(lines))
    assert drawn("rooms.svg", "room") == rooms
    layers = {
        path.name for path in (PROJECT_ROOT / "models").iterdir() if path.is_dir()
    }
    assert set(drawn("data.svg", "layer")) == {"raw", *layers}
    contributing = (PROJECT_ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = contributing.partition("| room | holds |")[2].partition("\n\n")[0]
    named = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert re.findall(r"`(\w+)/?`", " ".join(named)) == rooms


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


def documented_keys(command: str) -> set[str]:
    """The keys of a command's JSON document, up to what its parts have."""
    page = (PROJECT_ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    (keys,) = re.findall(rf"^\| `{command}` \| (.*?) \|$", page, re.MULTILINE)
    return set(re.findall(r"`(\w+)`", keys.split(";")[0]))


def test_documents_have_the_keys_that_are_documented(
    winnow: Command, write: Write
) -> None:
    path = write("in/[b]a.csv", "user_id,item_id\nu1,i1\n")
    for command in ("validate", "load"):
        code, out, err = winnow(command, "canonical", path, "--json")
        assert code == 0, err
        document = json.loads(out)
        assert set(document) == documented_keys(command)
        (file,) = document["files"]
        assert (file["file"], file["entity"]) == (str(path), "interactions")
        assert file["facts"]["columns"] == {"user_id": "user_id", "item_id": "item_id"}
    code, out, _ = winnow("status", "--json")
    assert code == 0
    assert set(json.loads(out)) == documented_keys("status")


def test_documents_of_what_needs_a_build_are_documented_by_their_classes() -> None:
    for command, document, more in (
        ("batches status", Plan, set()),
        ("export", ExportReport, set()),
        ("publish", Publication, {"lake"}),
    ):
        names = {field.name for field in dataclasses.fields(document)}
        assert documented_keys(command) == names | more
