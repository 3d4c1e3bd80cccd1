"""Real data sets, loaded and built: the published figures, and nothing refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import REAL_DATA
from homes import make_winnow, query

pytestmark = pytest.mark.scale


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the real data sets loaded and built."""
    if not REAL_DATA.exists():
        pytest.skip("the real data sets are not beside the project")
    home = tmp_path_factory.mktemp("real")
    winnow = make_winnow(home)
    winnow("load", "movielens", REAL_DATA / "ml-100k")
    winnow("load", "movielens", REAL_DATA / "ml-latest-small", "--tenant", "ml-small")
    winnow("load", "microlens", REAL_DATA / "microlens-50k")
    winnow("build")
    return home


def test_users_items_and_interactions_equal_the_published_figures(real: Path) -> None:
    found = {
        tenant: (users, items, interactions)
        for tenant, users, items, interactions in query(
            real,
            "select tenant_id, users, items, interactions "
            "from training.dataset_statistics",
        )
    }
    assert found == {
        "movielens": (943, 1682, 100_000),
        "ml-small": (610, 9724, 100_836),
        "microlens": (50_000, 19_220, 359_708),
    }
    assert query(
        real,
        "select count(*) from prepared.items "
        "where tenant_id = 'ml-small' and is_listed",
    ) == [(9742,)]


def test_ml_100k_statistics_equal_the_published_figures(real: Path) -> None:
    found = query(
        real,
        "select round(100 * density, 3), round(item_gini, 3), "
        "round(100 * tie_rate, 1), round(100 * tied_last_share, 1) "
        "from training.dataset_statistics "
        "where tenant_id = 'movielens'",
    )
    assert found == [(6.305, 0.629, 75.8, 44.0)]


def test_times_of_ml_latest_small_span_the_published_days(real: Path) -> None:
    found = query(
        real,
        "select min(interacted_at)::date::varchar, max(interacted_at)::date::varchar "
        "from prepared.interactions where tenant_id = 'ml-small'",
    )
    assert found == [("1996-03-29", "2018-09-24")]


def test_microlens_keeps_its_order_and_no_time_is_invented(real: Path) -> None:
    counts = query(
        real,
        "select count(*), count(interacted_at), count(session_id), "
        "count(*) filter (event_type = 'click' and device = 'mobile') "
        "from prepared.interactions where tenant_id = 'microlens'",
    )
    assert counts == [(359_708, 0, 0, 359_708)]
    sizes = query(
        real,
        "select min(n), max(n) from (select count(*) as n from prepared.interactions "
        "where tenant_id = 'microlens' group by user_id)",
    )
    assert sizes == [(5, 218)]
    line = (REAL_DATA / "microlens-50k" / "MicroLens-50k_pairs.tsv").open().readline()
    user, items = line.rstrip("\n").split("\t")
    assert items.split() == [
        item
        for (item,) in query(
            real,
            "select item_id from prepared.interactions where tenant_id = 'microlens' "
            f"and user_id = '{user}' order by interaction_order",
        )
    ]


def test_nothing_of_the_real_data_is_refused(real: Path) -> None:
    assert query(real, "select count(*) from validated.rejected_records") == [(0,)]
