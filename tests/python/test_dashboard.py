"""The dashboard's pages: what they show of a generation, and what they say when there
is none, an empty one, a broken one or an older one.
"""

from __future__ import annotations

import ast
import http.client
import importlib.util
import json
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
import streamlit as st
from conftest import Command, make_settings
from dashboarding import (
    MODELS,
    OTHER,
    SHOP,
    empty,
    make_warehouse,
    publish,
)
from noting import note_build
from places import PROJECT_ROOT
from streamlit.testing.v1 import AppTest

from benchmarks.browser import dashboard
from winnow.cli.dashboard import APP, hosts_of
from winnow.core.settings import Settings
from winnow.dashboard import charts, data, evaluation
from winnow.dashboard.text import age, code, prose
from winnow.dashboard.views.models import _best_first
from winnow.publish.published import POINTER, generation_path

PAGES = sorted(path.stem for path in (APP.parent / "views").glob("*.py"))
PICTURES = {
    "overview": ["From files to training data", "Interactions of each tenant"],
    "pipeline": ["Where the records of each load went", "Why records were rejected"],
    "quality": [
        *("completeness", "validity", "uniqueness", "consistency", "overall"),
        *("drift rating", "freshness"),
        *("Event type: before and now", "Rating: before and now"),
    ],
    "batches": [
        *("Rows of each day", "seconds of each day", "rows per second of each day"),
        *("error rate of each day", "quality score of each day"),
    ],
    "models": ["NDCG@10", "NDCG by k", "NDCG@10 by segment"],
    "comparison": ["NDCG@10: B minus A", "NDCG@10, day by day", "Revenue per user"],
    "users": ["What the user did", "Categories", "Recent interactions"],
    "items": ["What users did with it", "Its place among the tenant's items"],
    "explorer": ["users, among the rows below"],
}
NEEDED = {
    "overview": "training.dataset_statistics",
    "pipeline": "quality.load_counts",
    "quality": "quality.drift",
    "batches": "evaluation.batch_progress",
    "models": "evaluation.model_metrics",
    "comparison": "evaluation.model_comparisons",
    "users": "features.user_category_affinity",
    "items": "features.item_features",
}


def use(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    return settings


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The generation whose figures the tests know."""
    settings = make_settings(tmp_path_factory.mktemp("dashboard"))
    make_warehouse(settings)
    publish(settings)
    st.cache_data.clear()
    yield settings
    st.cache_resource.clear()


@pytest.fixture
def published(made: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return use(made, monkeypatch)


@pytest.fixture
def own(
    made: Settings, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """A generation of the test's own, to be changed."""
    shutil.copytree(made.warehouse.parent, settings.warehouse.parent)
    return use(settings, monkeypatch)


def change(settings: Settings, sql: str) -> None:
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(sql)
    publish(settings)


def opened(page: str, tenant: str | None = None, **chosen: str) -> AppTest:
    """A page as a reader sees it who comes to it with a tenant chosen, and more."""
    app = AppTest.from_file(str(APP), default_timeout=30)
    if tenant is not None:
        app.session_state["tenant"] = tenant
    for key, value in chosen.items():
        app.session_state[key] = value
    app.switch_page(f"views/{page}.py").run()
    assert not app.exception
    return app


def said(app: AppTest) -> list[str]:
    """What stands in the coloured boxes."""
    return [one.value for one in [*app.error, *app.warning, *app.info]]


def drawn(app: AppTest) -> dict[str, list[dict[str, Any]]]:
    """The charts by their names, with the rows of all their data."""
    found = {}
    for chart in app.get("vega_lite_chart"):
        proto = chart.proto
        rows: list[dict[str, Any]] = []
        for dataset in proto.datasets:
            rows += pa.ipc.open_stream(dataset.data.data).read_all().to_pylist()
        rows += [{"spec": json.loads(proto.spec)}]
        found[proto.alt] = rows
    return found


def values(app: AppTest, chart: str, *fields: str) -> list[tuple[Any, ...]]:
    """Columns of a chart's rows, once each, in order."""
    rows = drawn(app)[chart]
    found = [tuple(row[one] for one in fields) for row in rows if fields[0] in row]
    return list(dict.fromkeys(found))


def metrics(app: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in app.metric}


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_its_pictures_and_no_complaint(
    page: str, published: Settings
) -> None:
    app = opened(page, SHOP if page != "overview" else None)
    names = list(drawn(app))
    assert [
        wanted
        for wanted in PICTURES[page]
        if not any(name.startswith(wanted) for name in names)
    ] == []
    assert not app.warning
    assert all(
        len(rows) > 1 and any("spec" not in row for row in rows)
        for rows in drawn(app).values()
    )


def test_without_a_generation_every_page_says_what_to_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(settings, monkeypatch)
    for page in PAGES:
        app = opened(page)
        assert said(app) == [
            f"Nothing is published in `{settings.published}`: run `winnow publish`."
        ]
        assert not drawn(app)


def test_an_empty_generation_says_what_to_run(own: Settings) -> None:
    empty(own.model_copy(update={"warehouse": own.published / "gen-1.duckdb"}))
    for page in PAGES:
        app = opened(page)
        [sentence] = said(app)
        assert "`winnow build`" in sentence or "`winnow batches plan`" in sentence
        assert not app.error
        assert not app.warning


def test_a_file_that_is_no_database_gets_one_sentence(own: Settings) -> None:
    generation = own.published / "gen-1.duckdb"
    generation.write_bytes(b"no database" * 1000)
    for page in ("overview", "explorer"):
        [sentence] = said(opened(page))
        assert sentence.startswith(f"`{generation}` cannot be opened:")
        assert len(sentence.splitlines()) == 1


def test_a_damaged_generation_gets_one_sentence(own: Settings) -> None:
    generation = own.published / "gen-1.duckdb"
    size = generation.stat().st_size
    with generation.open("r+b") as file:
        file.seek(12288)
        file.write(b"\xff" * (size - 12288))
    for page in PAGES:
        [sentence] = said(opened(page))
        assert "cannot be" in sentence
        assert len(sentence.splitlines()) == 1


def test_a_spoilt_pointer_gets_one_sentence(own: Settings) -> None:
    (own.published / POINTER).write_text("gen-one.duckdb")
    [sentence] = said(opened("overview"))
    assert "'gen-one.duckdb' is not the name of a generation" in sentence


def test_a_table_that_an_older_generation_lacks_gets_one_sentence(
    own: Settings,
) -> None:
    change(own, ";".join(f"drop table {name}" for name in NEEDED.values()))
    for page, table in NEEDED.items():
        assert said(opened(page)) == [
            prose(
                f"Generation 2 has no table {table}: what published it did not make "
                "it. `winnow build` makes and publishes it."
            )
        ]


def test_a_column_that_an_older_generation_lacks_gets_one_sentence(
    own: Settings,
) -> None:
    change(own, "alter table quality.metrics drop column severity")
    [sentence] = said(opened("quality"))
    assert "Generation 2 was published by another version" in sentence
    assert "severity" in sentence


@pytest.mark.parametrize(
    "builds",
    [
        "drop table quality.builds; drop table quality.build_tables",
        "alter table quality.builds drop column is_whole",
    ],
    ids=["no builds", "other builds"],
)
def test_a_generation_from_before_loads_were_held_is_shown_and_says_so(
    builds: str, own: Settings
) -> None:
    held = "alter table quality.reconciliation drop column"
    number = publish(own)
    with duckdb.connect(str(generation_path(own.published, number))) as connection:
        connection.execute(
            f"{builds}; {held} held_count; {held} replaced_count; "
            "update quality.reconciliation set landed_count "
            "= accepted_count + rejected_count + duplicate_count"
        )
    sentence = (
        f"Generation {number} was published by an earlier version, which counted no "
        "records as held or replaced. `winnow build` publishes anew."
    )
    bars = {
        "overview": (
            *("records landed", "rejected", "duplicates left out"),
            *("erased on request", "accepted"),
            *("interactions", "positives", "negatives drawn"),
        ),
        "pipeline": ("accepted", "duplicate", "rejected", "erased"),
    }
    for page, field in (("overview", "stage"), ("pipeline", "verdict")):
        app = opened(page)
        assert said(app) == [prose(sentence)]
        assert list(drawn(app)) == PICTURES[page]
        parts = values(app, PICTURES[page][0], field)
        assert list(dict.fromkeys(part for (part,) in parts)) == list(bars[page])
    assert metrics(app)["Build"].endswith(" s")


def test_the_tables_of_the_days_and_of_business_may_be_missing(own: Settings) -> None:
    may_be_missing = ["daily_comparisons", "business_metrics", "sample_ratio_checks"]
    change(own, ";".join(f"drop table evaluation.{one}" for one in may_be_missing))
    app = opened("comparison", SHOP)
    assert list(drawn(app)) == ["NDCG@10: B minus A"]
    assert not said(app)


def test_a_new_generation_is_seen_at_the_next_look(own: Settings) -> None:
    app = opened("overview")
    assert metrics(app)["Interactions"] == "930"
    change(own, "update training.dataset_statistics set interactions = 1000")
    app.run()
    assert metrics(app)["Interactions"] == "2,000"
    assert metrics(app)["Generation"] == "2"


def test_a_generation_of_the_same_number_is_not_mistaken_for_the_one_before(
    own: Settings,
) -> None:
    app = opened("overview")
    for path in own.published.iterdir():
        path.unlink()
    change(own, "update training.dataset_statistics set interactions = 7")
    app.run()
    assert (metrics(app)["Interactions"], metrics(app)["Generation"]) == ("14", "1")


def test_a_generation_is_opened_once_and_asked_once(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened("overview")
    asked: list[str] = []
    cursor = data.Generation.cursor

    def noted(generation: data.Generation) -> duckdb.DuckDBPyConnection:
        asked.append(generation.key)
        return cursor(generation)

    monkeypatch.setattr(data.Generation, "cursor", noted)
    first = data.current(published)
    opened("overview")
    assert data.current(published).connection is first.connection
    assert asked == []


def test_the_generation_cannot_be_written(published: Settings) -> None:
    with (
        data.current(published).cursor() as cursor,
        pytest.raises(duckdb.InvalidInputException, match="read-only"),
    ):
        cursor.execute("delete from prepared.tenants")


def test_the_overview_counts_all_tenants_or_one(published: Settings) -> None:
    app = opened("overview")
    assert app.selectbox(key="tenant").options == ["All tenants", OTHER, SHOP]
    assert metrics(app)["Tenants"] == "2"
    assert values(app, "From files to training data", "stage", "rows")[:7] == [
        ("records landed", 988),
        ("rejected", 31),
        ("duplicates left out", 10),
        ("held by the gate", 4),
        ("replaced by newer files", 3),
        ("erased on request", 0),
        ("accepted", 940),
    ]
    app.selectbox(key="tenant").select(OTHER).run()
    assert metrics(app)["Tenants"] == "1"
    assert values(app, "From files to training data", "stage", "rows")[0] == (
        "records landed",
        477,
    )
    assert "Interactions of each tenant" not in drawn(app)


def test_the_pipeline_adds_up_and_says_why_records_were_rejected(
    published: Settings,
) -> None:
    app = opened("pipeline", SHOP)
    assert values(app, "Where the records of each load went", "verdict", "records") == [
        ("accepted", 475),
        ("duplicate", 10),
        ("rejected", 26),
        ("held", 0),
        ("replaced", 0),
        ("erased", 0),
    ]
    assert values(app, "Why records were rejected", "reason", "records") == [
        ("rating.maximum", 26),
        ("user_id.required", 15),
    ]
    assert metrics(app)["Records landed"] == "511"
    assert metrics(app)["Rejected"] == "5.09%"
    [loads] = app.dataframe
    assert list(loads.value["is_balanced"]) == [True, True]


def test_a_load_that_does_not_add_up_is_an_error(own: Settings) -> None:
    change(own, "update quality.reconciliation set landed_count = landed_count + 1")
    [sentence] = [one.value for one in opened("pipeline").error]
    assert sentence.startswith("Some records of a load are unaccounted for")


def test_the_build_is_told_as_it_was_noted(own: Settings) -> None:
    assert metrics(opened("pipeline"))["Build"] == "61.4 s"
    note_build(own, "failed", message="users: a key is missing", seconds=5)
    assert metrics(opened("pipeline"))["Build"] == "failed"
    note_build(own, "running")
    assert metrics(opened("pipeline"))["Build"] == "not ended"


def test_quality_shows_the_figures_of_every_build_with_their_thresholds(
    published: Settings,
) -> None:
    app = opened("quality", SHOP)
    assert app.selectbox(key="feed").value == f"{SHOP}, canonical.interactions"
    assert [
        (round(value, 3), threshold, status)
        for value, threshold, status in values(
            app, "completeness over the builds", "value", "threshold", "status"
        )
    ] == [(0.988, 0.8, "passed"), (0.989, 0.8, "passed"), (0.99, 0.9, "passed")]
    assert values(app, "validity over the builds", "status")[0] == ("failed",)
    # Freshness of two to six hours is told in hours.
    assert values(app, "freshness over the builds", "value") == [(6.0,), (4.0,), (2.0,)]
    assert metrics(app)["Warnings"] == "2"
    app.selectbox(key="feed").select(f"{SHOP}, canonical.items").run()
    assert "Rating: before and now" not in drawn(app)


def test_drift_has_its_buckets_in_order_and_its_index(published: Settings) -> None:
    app = opened("quality", SHOP)
    rating = drawn(app)["Rating: before and now"]
    shares = {
        (row["bucket"], row["when"]): round(row["share"], 3)
        for row in rating
        if "bucket" in row
    }
    assert shares["tenth 1", "all loads before"] == 0.2
    assert shares["tenth 1", "newest load"] == 0.3
    assert rating[-1]["spec"]["encoding"]["x"]["sort"] == [
        *("tenth 1", "tenth 2", "tenth 10"),
    ]
    assert any("Stability index 0.150" in one.value for one in app.caption)


def test_batches_show_how_far_they_are_and_why_a_day_failed(
    published: Settings,
) -> None:
    app = opened("batches")
    assert metrics(app)["Days done"] == "10 of 12"
    assert metrics(app)["Rows done"] == "505 of 606"
    assert values(app, "Rows of each day", "day", "state")[9:] == [
        *((10, "done"), (11, "failed"), (12, "planned")),
    ]
    assert [one.value for one in app.error] == [
        "Day 11 failed: its quality score of 0.2 is below 0.9. "
        "`winnow batches run --continue` goes on from there."
    ]
    assert values(app, "quality score of each day", "day")[-1] == (11,)


def test_a_tenant_without_batches_is_told_so(published: Settings) -> None:
    [sentence] = said(opened("batches", OTHER))
    assert sentence.startswith(f"Tenant {OTHER} has none.")


def test_models_are_ranked_by_the_metric_that_is_chosen(published: Settings) -> None:
    app = opened("models", SHOP)
    assert [label for label, _ in values(app, "NDCG@10", "label", "value")] == [
        *("two towers v2", "bias", "item_neighbours", "most_popular"),
    ]
    app.selectbox(key="models metric").select("rmse").run()
    ranked = values(app, "RMSE", "label", "value")
    assert [label for label, _ in ranked] == [
        *("most_popular", "item_neighbours", "bias", "two towers v2"),
    ]
    assert [round(value, 9) for _, value in ranked] == [0.3, 0.6, 0.9, 1.2]
    assert any("Lower is better." in one.value for one in app.caption)
    assert not any(name.endswith("by k") for name in drawn(app))


def test_a_split_and_its_candidates_can_be_chosen(published: Settings) -> None:
    app = opened("models", SHOP)
    assert app.selectbox(key="models scope").options == [
        *("by_time, fold 0", "last_out, fold 0"),
    ]
    assert app.selectbox(key="models candidates").options == ["full", "sampled"]
    app.selectbox(key="models candidates").select("sampled").run()
    assert any("Sampled:" in one.value for one in app.caption)
    app.selectbox(key="models scope").select(("last_out", 0)).run()
    assert app.selectbox(key="models candidates").options == ["full"]
    assert len(values(app, "NDCG@10", "label")) == len(MODELS)


def test_comparisons_have_their_intervals_and_verdicts(published: Settings) -> None:
    app = opened("comparison", SHOP)
    found = values(
        app,
        "NDCG@10: B minus A",
        *("pair", "kind", "interval_low", "difference", "interval_high"),
    )
    kinds = {pair: kind for pair, kind, *_ in found}
    assert kinds == {
        "most_popular (B), bias (A)": "B worse",
        "two towers v2 (B), item_neighbours (A)": "B better",
        "two towers v2 (B), most_popular (A)": "B better",
        "item_neighbours (B), bias (A)": "no difference shown",
        "most_popular (B), item_neighbours (A)": "no difference shown",
        "two towers v2 (B), bias (A)": "no difference shown",
    }
    assert all(low < middle < high for _, _, low, middle, high in found)
    verdicts = app.dataframe[0].value
    assert verdicts["verdict"].iloc[0] == "A better, p = 0.002 after Holm"


def test_where_lower_is_better_the_lower_model_is_better(published: Settings) -> None:
    app = opened("comparison", SHOP)
    app.selectbox(key="comparison metric").select("rmse").run()
    found = dict(values(app, "RMSE: B minus A", "pair", "kind"))
    assert found["most_popular (B), bias (A)"] == "B better"
    app.selectbox(key="comparison metric").select("coverage").run()
    [name] = [one for one in drawn(app) if one.endswith("B minus A")]
    kinds = {kind for (kind,) in values(app, name, "kind")}
    assert "different, neither end is better" in kinds
    assert not kinds & {"B better", "B worse"}


def test_the_pages_know_the_same_directions_as_the_comparisons() -> None:
    macro = (PROJECT_ROOT / "macros/statistics/metric_direction.sql").read_text("utf-8")
    sides = re.findall(r"in \(([^)]*)\)\s*then '(\w+)'", macro)
    directions = {way: set(re.findall(r"'(\w+)'", names)) for names, way in sides}
    assert directions == {
        "lower": set(evaluation.LOWER_IS_BETTER),
        "higher": set(evaluation.HIGHER_IS_BETTER),
    }
    for metric, note in (("rmse", "Lower is better."), ("ndcg", "Higher is better.")):
        choice = evaluation.Choice("time", 0, "all", metric, 10)
        assert choice.note == f"{note} Split time, fold 0."
    assert evaluation.Choice("time", 0, "all", "coverage", 10).note == (
        "Split time, fold 0."
    )


@pytest.mark.parametrize(("metric", "best"), [("rmse", "low"), ("recall", "high")])
def test_the_best_model_is_the_first(metric: str, best: str) -> None:
    rows = pd.DataFrame({"label": ["low", "high"], "value": [0.1, 0.9]})
    choice = evaluation.Choice("time", 0, "all", metric, None)
    assert _best_first(rows, choice)[0] == best


def test_pairs_can_be_narrowed_to_a_model(published: Settings) -> None:
    app = opened("comparison", SHOP)
    app.multiselect(key="comparison models").select("two towers v2").run()
    assert len(values(app, "NDCG@10: B minus A", "pair")) == 3


def test_an_experiment_with_wrong_shares_is_an_error(published: Settings) -> None:
    assert [one.value for one in opened("comparison", SHOP).error] == [
        "the shares are not as planned (p = 1e-9)"
    ]


def test_a_user_can_be_chosen_or_typed(published: Settings) -> None:
    app = opened("users", SHOP)
    box = app.selectbox(key=f"user of {SHOP}")
    assert (box.value, len(box.options)) == ("u30", 30)
    assert values(app, "What the user did", "event", "interactions") == [
        *(("purchase", 60), ("view", 30)),
    ]
    assert values(app, "Categories", "category", "affinity_share") == [
        *(("games", 0.75), ("tools", 0.25)),
    ]
    recent = app.dataframe[0].value
    assert list(recent["item_id"]) == ["i1", "i2", "i3", "i4", "i5"]
    assert recent["title"].iloc[0] == "Item 1"
    box.set_value("u2").run()
    assert metrics(app)["Interactions"] == "2"
    app = opened("users", SHOP, **{f"user of {SHOP}": "nobody"})
    assert said(app) == [
        f"Tenant {SHOP} has no user 'nobody' with an interaction; `winnow load` more "
        "data and `winnow build`, or choose another."
    ]


def test_a_user_has_every_column_with_its_meaning(published: Settings) -> None:
    app = opened("users", SHOP)
    tables = [one.value for one in app.dataframe if "meaning" in one.value]
    assert tables[0]["column"].iloc[0] == "tenant_id"
    rows = tables[0].set_index("column")
    assert rows.loc["recent_item_ids", "value"] == "i1, i2"
    assert rows.loc["average_rating", "value"] == "null"
    assert "doc(" not in rows.loc["recency_days", "meaning"]


def test_an_item_is_shown_among_the_others(published: Settings) -> None:
    app = opened("items", SHOP)
    assert app.selectbox(key=f"item of {SHOP}").value == "i1"
    assert values(app, "Its place among the tenant's items", "most", "has_this")[
        :2
    ] == [(300, True), (270, False)]
    assert values(app, "What users did with it", "event", "interactions") == [
        *(("click", 7), ("purchase", 3)),
    ]


def test_any_public_table_can_be_read_with_its_meaning(published: Settings) -> None:
    app = opened("explorer", SHOP)
    box = app.selectbox(key="table")
    assert [one.split("  ")[0] for one in box.options][:3] == [
        *("prepared.interactions", "prepared.items", "prepared.tenants"),
    ]
    assert "features.user_features  (30 rows)" in box.options
    box.select("features.user_features").run()
    rows, columns = (one.value for one in app.dataframe)
    assert len(rows) == 30
    assert list(rows.columns) == list(columns["column"])
    assert all(columns["meaning"])
    app.selectbox(key="filter of features.user_features").select("user_id").run()
    app.text_input[0].set_value("u7").run()
    assert list(app.dataframe[0].value["user_id"]) == ["u7"]
    app.text_input[0].set_value("' or true --").run()
    assert "no such rows" in said(app)[0]


def test_the_explorer_keeps_to_the_tenant(published: Settings) -> None:
    for tenant, kept in ((None, {SHOP, OTHER}), (OTHER, {OTHER})):
        app = opened("explorer", tenant)
        app.selectbox(key="table").select("quality.metrics").run()
        assert set(app.dataframe[0].value["tenant_id"]) == kept


def test_rows_are_limited_and_can_be_downloaded(own: Settings) -> None:
    change(
        own,
        f"insert into features.item_features by name select '{OTHER}' as tenant_id, "
        "'n' || range as item_id, range as interaction_count from range(5000)",
    )
    app = opened("explorer", OTHER)
    app.selectbox(key="table").select("features.item_features").run()
    assert len(app.dataframe[0].value) == 100
    assert any("there may be more" in one.value for one in app.caption)
    app.selectbox(key="limit").select(1000).run()
    assert len(app.dataframe[0].value) == 1000
    [button] = app.get("download_button")
    assert button.proto.label == "Download these rows (CSV)"


@pytest.mark.parametrize("missing", ["streamlit", "altair"])
def test_without_the_extra_one_sentence_says_how_to_get_it(
    missing: str, winnow: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == missing else found(name, *rest),
    )
    assert winnow("dashboard") == (
        2,
        "",
        f"winnow: The dashboard needs {missing}, not installed here: run `make "
        "dashboard`, or `pip install 'winnow[dashboard]'`.\n",
    )


def test_a_port_that_is_taken_gets_one_sentence(winnow: Command) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        status, out, err = winnow("dashboard", "--port", port)
    assert (status, out) == (2, "")
    assert err.startswith(f"winnow: 127.0.0.1:{port} cannot be listened on")
    assert len(err.splitlines()) == 1


NASTY = (
    *("![i](http://127.0.0.1:9/x.png)", "[a](http://e.example)", "<img src=x>"),
    *("https://e.example/a", "www.e.example", "a@e.example", ":material/home:"),
    *(":smile:", ":red[x]", "$x^2$", "**b** `c`", "a -> b", "# h", "---", "&amp;"),
    *(":streamlit:", "[^1]", "`", "``", " `a", "\\", "a\nb", "", " ", "[a]: http://b"),
)
"""Names that Markdown, or Streamlit's own, would make something of."""


def literal_parts(markdown: str) -> str:
    """What is left of a Markdown text without its code spans, which are literal."""
    return re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", markdown)


@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_text_where_markdown_is_read(name: str) -> None:
    span = code(name)
    if name.strip(" "):
        fence = len(span) - len(span.lstrip("`"))
        inner = span[fence : len(span) - fence]
        wanted = " ".join(name.splitlines())
        assert inner in (wanted, f" {wanted} ")
        assert literal_parts(span) == ""
    else:
        assert span == "(empty)"
    rest = literal_parts(prose(f"Model {name} is better, see {name}."))
    special = r"[\[\]`*_#$<&~|\\@]|://|www|:\w+:|->|--"
    assert re.search(special, rest) is None


def test_sentences_of_our_own_stay_as_they_are() -> None:
    for sentence in (
        "NDCG@10: B minus A",
        "the mean and its 95 % intervals (thick: paired t; thin: bootstrap). 1,234",
        "Run `winnow build`, then `winnow publish`. It's done at 10:01 UTC, p = 1e-9",
        "Stability index 0.150; below 0.1 is usually called stable",
    ):
        assert prose(sentence) == sentence
    assert prose("see /tmp/a_b/c: run `x`.") == "see `/tmp/a_b/c`: run `x`."
    assert prose("1. one") == "`1`. one"
    assert prose(" a\n\n  b ") == "a b"


def test_data_is_text_on_every_page(own: Settings) -> None:
    """Every name of the data is one that would fetch a picture."""
    bad = "![x](http://127.0.0.1:9/x.png)"
    change(
        own,
        f"""
        update evaluation.model_metrics set model = '{bad}' where model = 'bias';
        update evaluation.model_comparisons set model_a = '{bad}', verdict = '{bad}'
            where model_a = 'bias';
        update evaluation.daily_comparisons set model_a = '{bad}'
            where model_a = 'bias';
        update evaluation.sample_ratio_checks set verdict = '{bad}';
        update evaluation.business_metrics set model = '{bad}';
        update evaluation.batch_progress set message = '{bad}' where day = 11;
        update prepared.items set title = '{bad}', category = '{bad}';
        update features.user_category_affinity set category = '{bad}';
        update validated.rejected_records set reasons = ['{bad}'];
        update quality.drift set variable = '{bad}', bucket = '{bad}';
        """,
    )
    app = opened("comparison", SHOP)
    app.selectbox(key="daily pair").select(
        next(one for one in app.selectbox(key="daily pair").options if bad in one)
    ).run()
    pages = [app, *(opened(page, SHOP) for page in PAGES if page != "comparison")]
    pages.append(opened("users", SHOP, **{f"user of {SHOP}": bad}))
    pages.append(opened("items", SHOP, **{f"item of {SHOP}": bad}))
    found = 0
    for page in pages:
        bodies = [one.value for one in [*page.markdown, *page.caption, *page.subheader]]
        bodies += [*said(page), *metrics(page).values(), *metrics(page)]
        for body in bodies:
            found += bad in body
            assert "![" not in literal_parts(body)
    assert found >= 6


def asked(port: int, host: str, path: str, **headers: str) -> int:
    """The status of an answer to a request in which the address has another name."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest("GET", path, skip_host=True)
    for name, value in {"Host": host, **headers}.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_only_own_hosts_are_answered(published: Settings, tmp_path: Path) -> None:
    """Pages of the internet whose name leads here get nothing (DNS rebinding)."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    log = tmp_path / "log"
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    arguments = ["--allow-host", "winnow.example.org", "--allow-host", "*.shop.example"]
    with dashboard(published.environment(), log, port, arguments):
        for host in (
            *("localhost", "127.0.0.1", f"127.0.0.1:{port}", f"localhost:{port}"),
            *(f"[::1]:{port}", "winnow.example.org", "a.shop.example:80"),
        ):
            assert asked(port, host, "/") == 200
            assert asked(port, host, "/_stcore/stream", **upgrade) == 101
        for host in (
            *("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example"),
            *("shop.example.evil", "example.org", "192.0.2.1", ""),
        ):
            for path in ("/", "/_stcore/health", "/_stcore/host-config"):
                assert asked(port, host, path) == 400
            assert asked(port, host, "/_stcore/stream", **upgrade) in (400, 403)
    assert "Traceback" not in log.read_text()


def test_the_hosts_are_this_machines_and_those_that_are_allowed() -> None:
    own = ["127.0.0.1", "::1", "localhost"]
    assert hosts_of("127.0.0.1") == own
    assert hosts_of("[::1]", ["Shop.Example."]) == [*own, "shop.example"]
    assert hosts_of("192.0.2.7") == ["127.0.0.1", "192.0.2.7", "::1", "localhost"]
    everywhere = hosts_of("0.0.0.0")
    assert {*own, socket.gethostname().lower()} <= set(everywhere)
    assert "0.0.0.0" not in everywhere


@pytest.mark.parametrize("name", ["*", "http://a", "a:80", "a/b", "a b", ""])
def test_a_host_that_is_no_name_gets_one_sentence(name: str, winnow: Command) -> None:
    status, _, err = winnow("dashboard", "--allow-host", name)
    assert (status, len(err.splitlines())) == (2, 1)
    assert err.startswith(f"winnow: --allow-host {name}: it is a name or an address")


def test_ages_are_told_in_units_that_people_count_in(own: Settings) -> None:
    years = 27.5 * 365.2425 * 86_400
    change(
        own,
        f"update quality.metrics set value = {years}, threshold = 3600 "
        "where dimension = 'freshness'",
    )
    app = opened("quality", SHOP)
    rows = app.dataframe[-1].value.set_index("dimension")
    assert set(rows.loc["freshness", "value"]) == {"27.5 years"}
    assert set(rows.loc["freshness", "threshold"]) == {"60.0 minutes"}
    assert set(rows.loc["completeness", "value"]) == {"99.00%"}
    assert set(rows.loc["volume", "value"]) == {""}
    assert "insufficient history" in set(rows["status"])
    [(longest,)] = values(app, "freshness over the builds", "value")
    assert round(longest, 6) == 27.5
    for seconds, wanted in (
        *((0, "0.0 seconds"), (59, "59 seconds"), (119, "119 seconds")),
        *((120, "2.0 minutes"), (7200, "2.0 hours"), (172_800, "2.0 days")),
    ):
        assert age(seconds) == wanted


def test_there_are_no_conversion_bars_where_nobody_bought(own: Settings) -> None:
    assert "Purchase rate" in metrics(opened("items", SHOP))
    change(
        own,
        "update evaluation.business_metrics set conversion_rate = 0, "
        "revenue_per_user = null; "
        "update features.item_features set purchase_count = 0",
    )
    app = opened("comparison", SHOP)
    assert app.selectbox(key="business").options == ["Daily active users"]
    assert not {"Conversion rate", "Revenue per user"} & set(drawn(app))
    assert any("no conversion to draw" in one.value for one in app.caption)
    assert "Purchase rate" not in metrics(opened("items", SHOP))


@pytest.mark.parametrize("page", PAGES)
def test_no_text_of_the_code_is_drawn(page: str) -> None:
    """Streamlit draws an expression that stands alone in the script of a page."""
    tree = ast.parse((APP.parent / "views" / f"{page}.py").read_text("utf-8"))
    alone = [one for one in tree.body[1:] if isinstance(one, ast.Expr)]
    assert alone == []


@pytest.mark.parametrize("page", PAGES)
def test_no_table_says_none(page: str, published: Settings) -> None:
    app = opened(page, SHOP)
    assert all(one.proto.placeholder == "" for one in app.dataframe)
    assert all(one.proto.HasField("placeholder") for one in app.dataframe)
    for text in [*app.caption, *app.text, *app.metric]:
        assert "None" not in text.value
        assert "nan" not in text.value.lower().split()


def test_verdicts_are_wide_enough_to_be_read(own: Settings) -> None:
    verdict = "two_towers_of_the_second_quarter v2 better, +50.0 % ndcg@10, p = 0.0062"
    change(own, f"update evaluation.model_comparisons set verdict = '{verdict}'")
    app = opened("comparison", SHOP)
    columns = json.loads(app.dataframe[0].proto.columns)
    assert columns["verdict"]["width"] >= 7 * len(verdict)
    assert next(iter(app.dataframe[0].value.columns)) == "verdict"


def test_colours_differ_in_lightness_or_hue_for_all_eyes() -> None:
    """Seen without red or green (Viénot 1999), any two colours of a chart differ."""
    for palette in (tuple(charts.VERDICTS.values()), charts.SERIES[:5]):
        for blind in (protan, deutan):
            seen = [blind(colour) for colour in palette]
            for place, one in enumerate(seen):
                for other in seen[place + 1 :]:
                    distance = sum(
                        (a - b) ** 2 for a, b in zip(one, other, strict=True)
                    )
                    assert distance > 0.02


def _linear(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red**2.2, green**2.2, blue**2.2


def protan(colour: str) -> tuple[float, ...]:
    red, green, blue = _linear(colour)
    mixed = 0.11238 * red + 0.88762 * green
    seen = (mixed, mixed, max(0.00401 * red - 0.00401 * green + blue, 0))
    return tuple(one ** (1 / 2.2) for one in seen)


def deutan(colour: str) -> tuple[float, ...]:
    red, green, blue = _linear(colour)
    mixed = 0.29275 * red + 0.70725 * green
    seen = (mixed, mixed, max(-0.02234 * red + 0.02234 * green + blue, 0))
    return tuple(one ** (1 / 2.2) for one in seen)
