"""Which loads count: the gate's verdicts, and what becomes of files that are replaced
or are an earlier state. One warehouse, a tenant for each, built by dbt alone.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import make_settings, rows_of

from winnow.build.dbt import run_dbt
from winnow.core.settings import Settings
from winnow.load.loads import release
from winnow.load.pipeline import load

NODES = ["+reconciliation", "+metrics", "+item_history"]
EVENTS = "user_id,item_id,event_type,interacted_at"
ITEMS = "item_id,title,category\n" + "".join(f"i{n},T{n},c{n}\n" for n in range(10))


def clicks(days: range, item: str = "i{}", bad: int = 0) -> list[str]:
    """Twenty clicks, or as many as there are days; the first ``bad`` are of items that
    no catalogue lists.
    """
    return [
        f"u{n % 5},{('typo{}' if place < bad else item).format(n % 10)},click,"
        f"2024-01-{1 + n // 24:02d}T{n % 24:02d}:00:00Z"
        for place, n in enumerate(days)
    ]


class Home:
    """A warehouse, and files to load into it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.settings = folder, make_settings(folder)

    def load(
        self,
        tenant: str,
        name: str,
        rows: list[str] | str,
        entity: str = "interactions",
        header: str = EVENTS,
        **options: str,
    ) -> str | None:
        """Write a file anew and load it; the id of the load."""
        path = self.folder / tenant / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = rows if isinstance(rows, str) else "\n".join([header, *rows, ""])
        path.write_text(text)
        return load(
            "canonical",
            path,
            tenant=tenant,
            entity=entity,
            settings=self.settings,
            **options,  # type: ignore[arg-type]
        ).load_id

    def build(self, *select: str) -> None:
        """Build with every test of the data: held loads fail none of them."""
        arguments = ["build", "--exclude-resource-type", "unit_test"]
        arguments += ["--indirect-selection", "buildable", "--select"]
        arguments += select or NODES
        result = run_dbt(self.settings, arguments)
        assert result.succeeded, result.failures


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = Home(tmp_path_factory.mktemp("verdicts"))
    for tenant in ("corrected", "daily", "let"):
        home.load(tenant, "items.csv", ITEMS, "items")
    home.load("corrected", "feed/events.csv", clicks(range(20), bad=3))
    home.load("corrected", "feed/events.csv", clicks(range(20)))
    home.load("daily", "monday/events.csv", clicks(range(20), bad=10))
    home.load("daily", "tuesday/events.csv", clicks(range(24, 44)))
    load_id = home.load("let", "events.csv", clicks(range(20), bad=3))

    rated = f"{EVENTS},rating"
    history = [f"{row},4".replace("click", "rating") for row in clicks(range(600))]
    today = [f"{row[:-2]},{'x' if n % 2 else 4}" for n, row in enumerate(history[:40])]
    home.load("half", "history.csv", history, header=rated)
    home.load("half", "today.csv", today, header=rated)

    home.load("small", "events.csv", [*clicks(range(1)), "u1,,click,2024-01-01"])
    home.load("nothing", "events.csv", ["u1,,click,2024-01-01"])
    home.load("twice", "first.csv", clicks(range(20)))
    home.load("twice", "again.csv", clicks(range(24, 44)) * 2)

    keyed = f"interaction_id,{EVENTS}"
    numbered = [f"{n},{row}" for n, row in enumerate(clicks(range(20)))]
    others = [f"{n},{row}" for n, row in enumerate(clicks(range(23, 43)))]
    wrong = [f"{n},{row}" for n, row in enumerate(clicks(range(20), bad=20))]
    home.load("restarts", "monday.csv", numbered, header=keyed)
    home.load("restarts", "tuesday.csv", others, header=keyed)
    home.load("mended", "items.csv", ITEMS, "items")
    home.load("mended", "monday.csv", wrong, header=keyed)
    home.load("mended", "mended.csv", numbered, header=keyed)

    home.load("path", "events.csv", clicks(range(20)))
    home.load("path", "events.csv", clicks(range(2)), mode="replace")
    home.load("feed", "a.csv", clicks(range(20)), feed="days")
    home.load("feed", "b.csv", clicks(range(24, 27)), mode="replace", feed="days")
    home.load("spoilt", "events.csv", clicks(range(20)))
    home.load("spoilt", "events.csv", ["u1,,click,2024-01-01"], mode="replace")

    two = "item_id,title,category\na,A,x\nb,B,y\n"
    home.load("shrunk", "items.csv", two, "items")
    home.load("shrunk", "more.csv", "item_id,title,category\nb,B2,y\nc,C,z\n", "items")
    home.load("shrunk", "none.csv", "item_id,title,category\n", "items")
    home.load("shrunk", "events.csv", ["u,a,click,2024-01-01", "u,c,view,2024-01-02"])

    home.build()
    assert load_id is not None
    release(home.settings, [load_id])
    home.build()

    listed = [f"m,u{n},i{n},{'x' if n % 2 else 1}" for n in range(10)]
    home.load(
        "guessed", "lists.csv", listed, "predictions", "model,user_id,item_id,rank"
    )
    home.load("late", "events.csv", clicks(range(20)))
    home.build("config.meta.build_layer:evaluation")
    return home.settings


def verdicts(settings: Settings, tenant: str) -> list[tuple[str, str | None]]:
    """Verdict and reason of a tenant's loads of interactions, in their order."""
    return rows_of(
        settings,
        "select verdict, reason from validated.load_verdicts "
        f"where tenant_id = '{tenant}' and entity = 'interactions' order by loaded_at",
    )


def items(settings: Settings, tenant: str) -> list[str]:
    """The items that a tenant's interactions are of, each once, in order."""
    found = rows_of(
        settings,
        "select distinct item_id from prepared.interactions "
        f"where tenant_id = '{tenant}' order by all",
    )
    return [item for (item,) in found]


def count(settings: Settings, tenant: str) -> int:
    [(rows,)] = rows_of(
        settings,
        f"select count(*) from prepared.interactions where tenant_id = '{tenant}'",
    )
    return int(rows)


def test_of_a_corrected_file_no_old_row_is_left(built: Settings) -> None:
    assert verdicts(built, "corrected") == [
        (
            "held",
            "3 of 20 interactions contradict the catalogue, the clock or themselves "
            "(5% may).",
        ),
        ("counts", None),
    ]
    assert items(built, "corrected") == [f"i{n}" for n in range(10)]
    assert count(built, "corrected") == 20
    assert rows_of(
        built,
        "select is_superseded from validated.load_verdicts "
        "where tenant_id = 'corrected' and verdict = 'held'",
    ) == [(True,)]


def test_a_file_of_the_same_name_elsewhere_mends_nothing(built: Settings) -> None:
    assert [verdict for verdict, _ in verdicts(built, "daily")] == ["held", "counts"]
    assert count(built, "daily") == 20
    assert rows_of(
        built,
        "select is_superseded from validated.load_verdicts "
        "where tenant_id = 'daily' and verdict = 'held'",
    ) == [(False,)]


def test_half_a_load_is_held_however_long_the_history_is(built: Settings) -> None:
    assert verdicts(built, "half") == [
        ("counts", None),
        (
            "held",
            "20 of 40 records were rejected (5% may); "
            "20 of 40 values break rating.type (5% may); "
            "20 of 200 given values break a rule (5% may).",
        ),
    ]
    assert count(built, "half") == 600


def test_one_mistake_in_a_small_file_holds_nothing(built: Settings) -> None:
    assert verdicts(built, "small") == [("counts", None)]
    assert count(built, "small") == 1


def test_a_load_of_which_nothing_is_left_is_held(built: Settings) -> None:
    assert verdicts(built, "nothing") == [
        ("held", "1 of 1 records were rejected, so that none is left.")
    ]


def test_repeats_hold_their_own_load_alone(built: Settings) -> None:
    assert verdicts(built, "twice") == [
        ("counts", None),
        ("held", "20 of 40 records repeat a key of their load (5% may)."),
    ]
    assert count(built, "twice") == 20


def test_ids_that_start_again_hold_their_load(built: Settings) -> None:
    assert verdicts(built, "restarts") == [
        ("counts", None),
        (
            "held",
            "20 of 20 ids of interactions stand in an earlier load with another user "
            "or item (5% may).",
        ),
    ]
    assert count(built, "restarts") == 20


def test_ids_are_not_compared_with_those_of_a_held_load(built: Settings) -> None:
    assert [verdict for verdict, _ in verdicts(built, "mended")] == ["held", "counts"]
    assert items(built, "mended") == [f"i{n}" for n in range(10)]


def test_a_released_load_counts_with_its_reason(built: Settings) -> None:
    [(verdict, reason)] = verdicts(built, "let")
    assert verdict == "released"
    assert reason is not None and reason.startswith("3 of 20 interactions contradict")
    assert count(built, "let") == 20


@pytest.mark.parametrize(("tenant", "rows"), [("path", 2), ("feed", 3)])
def test_what_a_file_replaces_is_gone(built: Settings, tenant: str, rows: int) -> None:
    assert count(built, tenant) == rows
    assert rows_of(
        built,
        "select landed_count, accepted_count, replaced_count "
        f"from quality.reconciliation where tenant_id = '{tenant}' order by load_id",
    ) == [(20, 0, 20), (rows, rows, 0)]


def test_a_held_load_replaces_nothing(built: Settings) -> None:
    assert count(built, "spoilt") == 20


def test_a_snapshot_lists_its_own_items_and_history_keeps_the_others(
    built: Settings,
) -> None:
    assert rows_of(
        built,
        "select item_id, title, is_listed, load_id is not null from prepared.items "
        "where tenant_id = 'shrunk' order by item_id",
    ) == [("a", "A", False, False), ("b", "B2", True, True), ("c", "C", True, True)]
    assert rows_of(
        built,
        "select item_id, title, valid_to is null from prepared.item_history "
        "where tenant_id = 'shrunk' order by item_id, valid_from",
    ) == [("a", "A", True), ("b", "B", False), ("b", "B2", True), ("c", "C", True)]
    assert rows_of(
        built,
        "select landed_count, accepted_count, duplicate_count "
        "from quality.reconciliation "
        "where tenant_id = 'shrunk' and entity = 'items' order by load_id",
    ) == [(2, 0, 2), (2, 2, 0), (0, 0, 0)]


def test_predictions_that_come_between_builds_are_judged_by_an_evaluation(
    built: Settings,
) -> None:
    assert rows_of(
        built,
        "select tenant_id, verdict, landed_count, accepted_count "
        "from validated.load_verdicts where tenant_id in ('guessed', 'late')",
    ) == [("guessed", "held", 10, 5)]
    assert rows_of(
        built,
        "select count(*) from prepared.prediction_records where tenant_id = 'guessed'",
    ) == [(0,)]


def test_every_landed_record_is_somewhere(built: Settings) -> None:
    assert rows_of(
        built,
        "select count(*) > 20, count(*) filter (landed_count != accepted_count "
        "+ rejected_count + duplicate_count + held_count + replaced_count) "
        "from quality.reconciliation",
    ) == [(True, 0)]
