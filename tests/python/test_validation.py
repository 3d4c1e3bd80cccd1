"""``winnow validate``: the verdict of a load and a build, and nothing loaded."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import duckdb
import pytest
from conftest import Command, Query, Write, make_settings, rows_of
from places import PROJECT_ROOT

from winnow.build import compiled_quality
from winnow.build.build import build
from winnow.build.dbt import run_dbt
from winnow.build.validation import ValidationReport, _scratch, validate
from winnow.core.errors import InputError
from winnow.core.lock import warehouse_lock
from winnow.core.settings import Settings
from winnow.demo.sample_data import SampleSize, write_sample_data
from winnow.load.pipeline import load

HEADER = "user_id,item_id,rating\n"


def ratings(good: int, bad: int) -> str:
    """A file of so many good ratings and so many that are no numbers."""
    kept = "".join(f"u{n},i,4\n" for n in range(good))
    return HEADER + kept + "u,i,four\n" * bad


def files_below(folder: Path) -> set[str]:
    return {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}


def verdicts(report: ValidationReport) -> dict[str, str]:
    return {r.rule: r.verdict for r in report.rules if r.verdict != "passed"}


@pytest.mark.scale
def test_its_counts_are_those_of_a_load_and_a_build(
    settings: Settings, query: Query, tmp_path: Path
) -> None:
    sample = tmp_path / "sample"
    write_sample_data(sample, SampleSize(200, 100, 3000, dirty_share=0.05))
    sources = {"canonical": "shop", "recomart": "recomart"}
    reports = {
        source: validate(source, sample / source, tenant=tenant, settings=settings)
        for source, tenant in sources.items()
    }
    assert not settings.warehouse.exists()
    for source, tenant in sources.items():
        loaded = load(source, sample / source, tenant=tenant, settings=settings)
        report = reports[source]
        assert [(f.file, f.entity, f.unreadable) for f in report.files] == [
            (f.file, f.entity, f.unreadable) for f in loaded.files
        ]
        assert sum(f.records for f in report.files) == loaded.landed + loaded.unreadable
    built = run_dbt(
        settings,
        [
            *("build", "--select", "+rejected_records"),
            *("--exclude-resource-type", "test"),
            *("--exclude-resource-type", "unit_test"),
        ],
    )
    assert built.succeeded, built.failures
    expected: dict[str, Counter[str]] = {source: Counter() for source in sources}
    for source, reason, count in query(
        "select source, reason, count(*) from validated.rejected_records, "
        "unnest(reasons) as r (reason) group by all"
    ):
        broken = reason.startswith("record.")
        expected[source]["record.readable" if broken else reason] += count
    for source, report in reports.items():
        found: Counter[str] = Counter()
        for rule in report.rules:
            found[rule.rule] += rule.failed
        assert +found == expected[source]
        rejected, unreadable = query(
            "select count(*) filter (not starts_with(reasons[1], 'record.')), "
            "count(*) filter (starts_with(reasons[1], 'record.')) "
            f"from validated.rejected_records where source = '{source}'"
        )[0]
        assert (report.rejected, report.unreadable) == (rejected, unreadable)
        assert report.rejected > 10
        records = sum(file.records for file in report.files)
        assert report.accepted == records - rejected - unreadable
        assert {(f.source, f.tenant_id) for f in report.loads} == {
            (source, sources[source])
        }
    assert reports["canonical"].unreadable > 0


def test_a_record_that_breaks_several_rules_is_rejected_once(
    settings: Settings, write: Write
) -> None:
    path = write("interactions.csv", HEADER + ",,four\nu,i,4\nu,,4\n")
    report = validate("canonical", path, settings=settings)
    assert (report.accepted, report.rejected, report.unreadable) == (1, 2, 0)


def test_nothing_is_written_but_the_data_docs(
    settings: Settings, write: Write, tmp_path: Path
) -> None:
    folder = write("in/interactions.csv", ratings(90, 10)).parent
    write("in/items.csv", "item_id,title\ni1,One\n")
    write("in/notes.txt", "nothing")
    before = files_below(tmp_path)
    report = validate("canonical", folder, settings=settings)
    assert report.data_docs == settings.target / "data_docs_validate" / "index.html"
    assert [one.name for one in report.data_docs.parent.iterdir()] == ["index.html"]
    new = files_below(tmp_path) - before
    assert {Path(one).parts[:3] for one in new} == {
        ("winnow", "target", "data_docs_validate")
    }
    assert not list(settings.temp_directory.iterdir())
    assert verdicts(report) == {"rating.type": "error"}
    assert [one.path.name for one in report.left_out] == ["notes.txt"]


def test_a_warehouse_in_use_is_not_in_the_way_and_stays_as_it_is(
    settings: Settings, write: Write, query: Query
) -> None:
    path = write("interactions.csv", ratings(2, 0))
    load("canonical", path, settings=settings)
    lake = files_below(settings.lake)
    content = settings.warehouse.read_bytes()
    with warehouse_lock(settings), duckdb.connect(str(settings.warehouse)):
        report = validate("canonical", path, settings=settings)
    assert report.accepted == 2, "a file that is loaded already is judged again"
    assert report.files[0].skipped is None
    assert settings.warehouse.read_bytes() == content
    assert files_below(settings.lake) == lake


def test_a_rule_comes_with_its_share_threshold_and_examples(
    settings: Settings, write: Write
) -> None:
    path = write("interactions.csv", ratings(96, 3) + "u,,4\n")
    report = validate("canonical", path, tenant="shop", settings=settings)
    (rule,) = (one for one in report.rules if one.rule == "rating.type")
    assert (rule.tenant_id, rule.source, rule.entity) == (
        "shop",
        "canonical",
        "interactions",
    )
    assert (rule.checked, rule.failed, rule.share) == (100, 3, 0.97)
    assert (rule.threshold, rule.verdict, rule.examples) == (0.95, "warning", ("four",))
    (missing,) = (one for one in report.rules if one.rule == "item_id.required")
    assert (missing.failed, missing.verdict, missing.examples) == (1, "passed", ())
    assert report.passed


def test_values_of_rules_that_are_kept_often_enough_are_shown_too(
    settings: Settings, write: Write
) -> None:
    path = write("interactions.csv", ratings(99, 1))
    (broken,) = (
        rule
        for rule in validate("canonical", path, settings=settings).rules
        if rule.failed
    )
    assert (broken.verdict, broken.examples) == ("passed", ("four",))


def test_every_option_reaches_the_files(winnow: Command, write: Write) -> None:
    text = "17850\té\t31/1/2010\n17851\tb\t1/2/2010\n17852\tc\tsoon\n"
    text = "".join(f"9{n}\td\t31/1/2010\n" for n in range(3)) + text
    path = write("export.txt", text.encode("latin-1"))
    options = ["--entity", "interactions", "--tenant", "t", "--limit", "5"]
    options += ["--map", "user_id=1", "--map", "item_id=2", "--map", "interacted_at=3"]
    options += ["--delimiter", r"\t", "--encoding", "latin-1", "--no-header"]
    code, out, err = winnow("validate", "canonical", path, *options, "--dates", "dmy")
    assert code == 0, err
    assert "canonical.interactions of tenant t: 5 records, 5 accepted" in out
    code, out, _ = winnow("validate", "canonical", path, *options, "--dates", "mdy")
    assert code == 1
    assert "'31/1/2010'" in out


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (ratings(100, 0), 0, "Passed: 100 records accepted, 0 rejected, 0 unreadable"),
        (ratings(96, 4), 0, "Passed, though close to the limit (rating.type): 96 "),
        (
            ratings(94, 6),
            1,
            "A build would hold this load (acceptance, rating.type): 94 records",
        ),
        (ratings(8, 0) + "u\nu\nu\n", 1, "record.readable, completeness): 8 records"),
        (HEADER, 0, "Passed: 0 records accepted, 0 rejected, 0 unreadable"),
    ],
)
def test_the_last_line_and_the_exit_status_are_the_verdict(
    winnow: Command, write: Write, content: str, status: int, words: str
) -> None:
    code, out, _ = winnow("validate", "canonical", write("interactions.csv", content))
    assert code == status
    last = out.splitlines()[-1]
    assert words in last
    assert last.endswith("nothing was loaded.")


def test_the_table_has_a_line_for_every_rule(winnow: Command, write: Write) -> None:
    path = write("interactions.csv", ratings(94, 6))
    _, out, _ = winnow("validate", "canonical", path)
    lines = {
        words[0]: words[1:] for line in out.splitlines() if (words := line.split())
    }
    assert lines["rating.type"] == ["100", "6", "94.00%", "95.00%", "error", "'four'"]
    assert lines["user_id.required"] == ["100", "0", "100.00%", "95.00%", "passed"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["canonical", "nowhere.csv"], "There is no file nowhere.csv."),
        (["netflix", "x"], "There is no source 'netflix'"),
        (["canonical", "WRONG"], "line 1: canonical interactions needs the column"),
        (["canonical", "WRONG", "--map", "user_id"], "--map user_id: a mapping is"),
        (["canonical", "WRONG", "--tenant", "A B"], "'A B' cannot be a tenant"),
        (["canonical", "GOOD", "--docs", "FOLDER"], "Data Docs replace all of a folde"),
        (["canonical", "GOOD", "--docs", "GOOD"], "is no folder that Data Docs could"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_status_2(
    winnow: Command,
    write: Write,
    settings: Settings,
    arguments: list[str],
    message: str,
) -> None:
    good = write("in/g.csv", ratings(1, 0))
    files = {"WRONG": write("w.csv", "a,b\n1,2\n"), "GOOD": good, "FOLDER": good.parent}
    code, out, err = winnow("validate", *(files.get(one, one) for one in arguments))
    assert (code, out) == (2, "")
    assert err.startswith("winnow: ")
    assert message in err
    assert err.count("\n") == 1
    assert not files_below(settings.temp_directory)
    assert good.read_text() == ratings(1, 0)


def test_data_docs_go_where_they_are_wanted_and_replace_earlier_ones(
    winnow: Command, write: Write, tmp_path: Path, settings: Settings
) -> None:
    docs = tmp_path / "seen"
    for content in (ratings(1, 0), "user_id,age\nu,4\n"):
        entity = "users" if "age" in content else "interactions"
        path = write(f"{entity}.csv", content)
        code, out, err = winnow("validate", "canonical", path, "--docs", docs)
        assert code == 0, err
        assert f"Data Docs: {docs / 'index.html'}" in out
        page, suite, result = sorted(files_below(docs))
        assert page == "index.html"
        assert suite.startswith(f"suites/canonical.{entity}.default.")
        assert result == suite.replace("suites", "validations")
    assert files_below(settings.target) <= {"validate.json"}


def feed(
    users: int = 10,
    *,
    missing: int = 0,
    wrong: int = 0,
    twice: int = 0,
    broken: int = 0,
    late: int = 0,
    mistaken: int = 0,
) -> str:
    """A file of two events a user, so many of them with each fault."""
    rows = [
        [f"u{n // 2}", f"i{n % 7}", "rating", "4", f"2024-01-{n % 28 + 1:02}"]
        for n in range(2 * users)
    ]
    for row in rows[:missing]:
        row[1] = ""
    for row in rows[missing:][:wrong]:
        row[3] = "four"
    for row in rows[::-1][:late]:
        row[4] = "2090-01-01"
    for row in rows[::-1][late:][:mistaken]:
        row[2] = "view"
    lines = [",".join(row) for row in rows + rows[:twice]] + ["u"] * broken
    header = "user_id,item_id,event_type,rating,interacted_at"
    return "\n".join([header, *lines]) + "\n"


FEEDS = {
    "sound": feed(),
    "headeronly": feed(0),
    "one": feed(1),
    "unreadable": feed(0, broken=3),
    "nothing-kept": feed(1, missing=2),
    "twice": feed(twice=20),
    "late": feed(late=3),
    "mistaken": feed(mistaken=4),
    "missing": feed(missing=4),
    "limits": feed(50, missing=1, wrong=1, twice=2, late=1, mistaken=1),
}


def random_feeds(count: int) -> dict[str, str]:
    """Feeds about as broken as a gate lets pass, or a little more; the same always."""
    dice = random.Random(12)
    faults = ("missing", "wrong", "twice", "broken", "late", "mistaken")
    return {
        f"random{n}": feed(
            dice.choice([0, 1, 5, 20, 50]),
            **{fault: dice.choice([0] * 7 + [1, 2, 6]) for fault in faults},
        )
        for n in range(count)
    }


def agreed(home: Path, feeds: dict[str, str]) -> set[str]:
    """Assert that each feed alone gets the verdict of the gates of a build, in which
    each is a tenant; the feeds that pass.
    """
    settings = make_settings(home)
    passed = set()
    for tenant, content in feeds.items():
        path = home / tenant / "interactions.csv"
        path.parent.mkdir(parents=True)
        path.write_text(content)
        load("canonical", path, tenant=tenant, settings=settings)
        if validate("canonical", path, tenant=tenant, settings=settings).passed:
            passed.add(tenant)
    arguments = ["build", "--select", "+load_verdicts"]
    for kind in ("test", "unit_test"):
        arguments += ["--exclude-resource-type", kind]
    built = run_dbt(settings, arguments)
    assert built.succeeded, built.failures
    held = "select tenant_id from validated.load_verdicts where verdict = 'held'"
    stopped = {tenant for (tenant,) in rows_of(settings, held)}
    assert passed == feeds.keys() - stopped
    return passed


def test_files_pass_where_the_gates_of_a_build_let_them_pass(tmp_path: Path) -> None:
    assert agreed(tmp_path, FEEDS) == {"sound", "headeronly", "one", "limits"}


@pytest.mark.scale
def test_a_build_takes_what_passes_and_random_files_get_its_verdict(
    tmp_path: Path,
) -> None:
    feeds = FEEDS | random_feeds(20)
    passed = agreed(tmp_path / "each", feeds)
    assert len(passed) > 8
    settings = make_settings(tmp_path / "together")
    for tenant in sorted(passed):
        path = tmp_path / "each" / tenant / "interactions.csv"
        load("canonical", path, tenant=tenant, settings=settings)
    build(settings)


def test_what_the_quality_gate_would_stop_is_said_with_its_rows(
    winnow: Command, write: Write
) -> None:
    path = write("interactions.csv", feed(twice=20))
    code, out, err = winnow("validate", "canonical", path, "--tenant", "shop")
    assert code == 1, err
    assert "20 of 40 records repeat a key of their load (5% may)" in " ".join(
        out.split()
    )
    assert out.count(" again\n") == 5
    assert "A build would hold this load (uniqueness): 40 records accepted" in out


def test_sql_that_was_compiled_before_is_compiled_again_when_the_project_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch, kept = make_settings(tmp_path), tmp_path / "kept.json"
    compiled: list[Settings] = []
    step = compiled_quality._Step("s.t", "s", "table", "select 1")

    def compile_(settings: Settings) -> tuple[compiled_quality._Step, ...]:
        compiled.append(settings)
        return (step,)

    monkeypatch.setattr(compiled_quality, "_compile", compile_)
    for project, compilations in (("a", 1), ("a", 1), ("b", 2)):
        monkeypatch.setattr(compiled_quality, "_compiled", {})
        monkeypatch.setattr(
            compiled_quality, "_digest", lambda _root, name=project: name
        )
        assert compiled_quality._steps(scratch, kept) == (step,)
        assert len(compiled) == compilations
    kept.write_text("{")
    monkeypatch.setattr(compiled_quality, "_compiled", {})
    assert compiled_quality._steps(scratch, kept) == (step,)
    assert len(compiled) == 3


KILLED = """
    import os, signal, sys
    from winnow.build import validation

    validation.read_gate = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
    validation.validate("canonical", sys.argv[1])
"""


def test_what_a_killed_run_left_is_removed_by_the_next(
    settings: Settings, write: Write
) -> None:
    path = write("interactions.csv", ratings(3, 0))
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(path)],
        env=os.environ | settings.environment(),
        cwd=PROJECT_ROOT,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    (left,) = settings.temp_directory.iterdir()
    assert files_below(left)
    assert validate("canonical", path, settings=settings).accepted == 3
    assert not list(settings.temp_directory.iterdir())
    assert not settings.warehouse.exists()


def test_folders_in_use_and_files_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "duckdb_temp_storage").write_text("spilled")
    with _scratch(tmp_path) as first:
        with _scratch(tmp_path) as second:
            assert first.is_dir()
            assert first != second
        assert first.is_dir()
        assert not second.exists()
    assert files_below(tmp_path) == {"duckdb_temp_storage"}
    assert not first.exists()


def test_the_folder_is_removed_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError), _scratch(tmp_path) as folder:
        raise InputError("no")
    assert not folder.exists()
