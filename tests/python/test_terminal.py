"""What is printed: text is text, at any width, and nothing is cut off."""

from __future__ import annotations

import io
import json
import re
import time
from pathlib import Path

import pytest

from winnow.cli.progress import LoadProgress, stages
from winnow.cli.terminal import Grid, Terminal, json_text
from winnow.core.visible_text import shown


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> tuple[Terminal, io.StringIO]:
    monkeypatch.delenv("COLUMNS", raising=False)
    out = io.StringIO()
    return Terminal(out), out


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            "plain, é, 日本, 🎬 and a blank\u00a0",
            "plain, é, 日本, 🎬 and a blank\u00a0",
        ),
        ("\x1b]0;title\x07\x1b[2J", r"\x1b]0;title\x07\x1b[2J"),
        ("\x9b31m", r"\x9b31m"),
        ("one\ntwo\tthree\r", r"one\ntwo\tthree\r"),
        ("abc\u202egpj.exe", r"abc\u202egpj.exe"),
        ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
        ("tag \U000e0041", r"tag \U000e0041"),
        ("caf\udce9.csv", r"caf\xe9.csv"),
        ("half \ud83d", r"half \ud83d"),
        ("👩\u200d💻 and न\u200cन", "👩\u200d💻 and न\u200cन"),
        ("[red]no[/x] :smile:", "[red]no[/x] :smile:"),
        (Path("a/b"), "a/b"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(value: object, expected: str) -> None:
    assert shown(value) == expected


def test_lines_are_kept_where_a_message_has_some() -> None:
    assert shown("one\ntwo\x1b", lines=True) == "one\ntwo\\x1b"


def test_texts_are_no_markup_and_no_escapes_anywhere(
    printed: tuple[Terminal, io.StringIO],
) -> None:
    console, out = printed
    grid = Grid("title [/x] \x1b[31m")
    grid.texts("heading [/x]")
    grid.numbers("n")
    grid.row("cell [/x] :smile: \x1b[31m", "1")
    console.print(grid)
    console.print("line [/x] :smile: \x1b[31m")
    console.say("said [/x] :smile: \x1b[31m \udcff")
    for what in ("title [/x]", "heading [/x]", "cell [/x] :smile:", "line [/x]"):
        assert what in out.getvalue()
    assert r"said [/x] :smile: \x1b[31m \xff" in out.getvalue()
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
def test_a_table_fits_and_loses_nothing(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    out = io.StringIO()
    path = "exports/2026-01-01/shop=acme/with[brackets]/ratings-of-the-day.csv"
    grid = Grid("Files")
    grid.texts("file", "entity")
    grid.numbers("landed", "rows a second")
    grid.row(path, "interactions", "1,234,567", "98,765,432")
    Terminal(out).print(grid)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in out.getvalue()
    assert "1,234,567" in out.getvalue()
    assert "98,765,432" in out.getvalue()
    firsts = "".join(
        re.split(r"\s{2,}", line.removeprefix("file "))[0] for line in lines
    )
    if width >= 60:  # the path stands in the first column, folded
        assert path.replace("/", "") in firsts.replace("/", "")


def test_sentences_break_between_words_and_paths_stay_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = "/" + "deep/" * 20 + "file.csv"
    sentence = f"Skipped {path}: it is loaded already, as load 17 on the first day."
    monkeypatch.setenv("COLUMNS", "40")
    out = io.StringIO()
    Terminal(out).say(sentence)
    lines = out.getvalue().splitlines()
    assert path + ":" in lines
    assert all(len(line) <= 40 for line in lines if path not in line)
    assert " ".join(lines) == sentence
    # In a pipe that nobody gave a width, a sentence is a line.
    monkeypatch.delenv("COLUMNS")
    out = io.StringIO()
    Terminal(out).say(sentence)
    assert out.getvalue() == sentence + "\n"


@pytest.mark.parametrize("told", ["", "0", "-5", "wide", "²"])
def test_a_width_that_is_none_is_not_believed(
    told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", told)
    assert Terminal(io.StringIO()).width == 80


def test_json_is_ascii_and_read_by_strict_readers() -> None:
    document = {"file\udcff": Path("b\udcff\x1b.csv"), "share": float("nan"), "é": 1.5}
    written = json_text(document)
    assert written.isascii()
    assert "\x1b" not in written
    assert json.loads(written) == {
        "file\\xff": "b\\xff\x1b.csv",
        "share": None,
        "é": 1.5,
    }
    json.loads(written)["file\\xff"].encode()


def test_progress_is_lines_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("winnow.cli.progress.SECONDS_BEFORE_LINES", 0)
    clock = iter(range(1000))
    monkeypatch.setattr("winnow.cli.progress.time.monotonic", lambda: next(clock))
    with stages() as stage:
        stage("quality gate", 0, 0)
        for step in range(1, 101):
            stage(f"model_{step}", step, 100)
    with LoadProgress() as progress:
        progress.start(Path("bad\udcff[x].csv"), 1000)
        for read in range(0, 1001, 50):
            progress.advance(read, read * 10, 1)
        progress.store(10_000)
        progress.judge("canonical.interactions")
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[:3] == ["quality gate", "1/100 model_1", "4/100 model_4"]
    assert r"reading bad\xff[x].csv" in lines
    assert re.search(r"\.csv: \d+%, [\d,]+ rows, [\d,]+ rows/s, 1 unreadable", err)
    assert lines[-2:] == [
        "storing 10,000 rows in the warehouse",
        "quality gate: canonical.interactions",
    ]
    assert len(lines) < 60


def test_stages_that_are_done_at_once_take_a_line_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("winnow.cli.progress.SECONDS_BEFORE_LINES", 0)
    with stages() as stage:
        stage("quality gate", 0, 0)
        for part in range(50):
            stage(f"quality gate: part {part}", 0, 0)
        for step in range(1, 101):
            stage(f"model_{step}", step, 100)
    assert capsys.readouterr().err.splitlines() == ["quality gate", "1/100 model_1"]


def test_what_takes_longer_than_a_moment_says_what_it_is_doing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("winnow.cli.progress.SECONDS_BEFORE_LINES", 0.05)
    with stages() as stage:
        stage("reading", 0, 0)
        stage("quality gate", 0, 0)
        deadline = time.monotonic() + 30
        said = ""
        while not said and time.monotonic() < deadline:
            time.sleep(0.01)
            said = capsys.readouterr().err
    assert said == "quality gate\n"
    monkeypatch.setattr("winnow.cli.progress.SECONDS_BEFORE_LINES", 3600)
    with stages() as stage:
        stage("reading", 0, 0)
    assert capsys.readouterr().err == ""
