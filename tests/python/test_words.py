"""One name per thing, in pages, help and descriptions; and lines that fit a screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from documented import PAGES
from places import PROJECT_ROOT

from winnow.cli.main import app

GLOSSARY = PROJECT_ROOT / "docs" / "glossary.md"
FENCED = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`[^`]*`|\]\([^)]*\)")
SHARED = PROJECT_ROOT / "models" / "_shared_columns.md"
WIDTH = 120


def forbidden_words() -> list[str]:
    """What the glossary says that a thing is not called."""
    rows = re.findall(
        r"^\|.*\| *(`.*`) *\|$", GLOSSARY.read_text("utf-8"), re.MULTILINE
    )
    return [word for cell in rows for word in re.findall(r"`([^`]+)`", cell)]


def wrong_words(text: str) -> list[str]:
    """The forbidden words of a text, code left out."""
    words = "|".join(map(re.escape, forbidden_words()))
    return re.findall(
        rf"\b(?:{words})\b", CODE.sub(" ", FENCED.sub(" ", text)), re.IGNORECASE
    )


def help_texts() -> Iterator[tuple[str, str | None]]:
    """Name and help of every command, group, argument and option."""

    def of(command: Any, name: str) -> Iterator[tuple[str, str | None]]:
        yield name, command.help
        for parameter in command.params:
            yield f"{name} {parameter.opts[0]}", parameter.help
        for part, inner in getattr(command, "commands", {}).items():
            yield from of(inner, f"{name} {part}")

    yield from of(typer.main.get_command(app), "winnow")


def descriptions(node: object) -> Iterator[str]:
    """Every description of a YAML document, of whatever it is."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "description" and isinstance(value, str):
                yield value
            else:
                yield from descriptions(value)
    elif isinstance(node, list):
        for value in node:
            yield from descriptions(value)


def yaml_files() -> list[Path]:
    """The files of the dbt project that describe something."""
    folders = ("models", "macros", "seeds", "snapshots", "tests/generic")
    files = (path for one in folders for path in (PROJECT_ROOT / one).rglob("*.yml"))
    return sorted(files)


def test_the_glossary_forbids_words() -> None:
    assert {"refused", "figure", "raw gate"} <= set(forbidden_words())
    assert wrong_words("A record that was Refused; `refused`.") == ["Refused"]


@pytest.mark.parametrize("page", [*PAGES, SHARED], ids=lambda path: path.name)
def test_pages_use_the_words_of_the_glossary(page: Path) -> None:
    assert not wrong_words(page.read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_lines_of_prose_fit_a_screen(page: Path) -> None:
    prose = FENCED.sub("", page.read_text("utf-8")).splitlines()
    assert prose
    assert not [line for line in prose if len(line) > WIDTH and line[0] != "|"]


def test_help_says_of_everything_what_it_is() -> None:
    texts = dict(help_texts())
    assert len(texts) > 100
    for name, text in texts.items():
        assert text, name
        first = text.split("\n\n")[0]
        assert re.fullmatch(r"[A-Z].*\.", first, re.DOTALL), (name, first)
        assert not wrong_words(text), name


def test_descriptions_use_the_words_of_the_glossary() -> None:
    found = 0
    for path in yaml_files():
        for text in descriptions(yaml.safe_load(path.read_text("utf-8"))):
            found += 1
            assert not wrong_words(text), f"{path.name}: {text}"
    assert found > 1_000
