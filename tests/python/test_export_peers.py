"""Exports read by the projects that they are for: PyTorch and RecBole. Neither is
installed with winnow; without them these tests are skipped. They need no dbt.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import make_settings, rows_of
from exporting import AWKWARD, ITEMS, POSITIVES, TENANTS, USERS, write_warehouse

from winnow.core.errors import InputError
from winnow.core.settings import Settings
from winnow.export.files import ExportRequest, export
from winnow.export.recbole import dataset_name

torch = pytest.importorskip("torch", reason="torch is not installed")

pytestmark = pytest.mark.peers

EXAMPLES = 2 * (POSITIVES - 1) * USERS


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = make_settings(tmp_path_factory.mktemp("peers"))
    write_warehouse(settings.warehouse)
    return settings


@pytest.fixture(scope="module")
def examples(warehouse: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("examples") / "out"
    export(warehouse, out)
    return out


def triples(batches: Any) -> Counter[tuple[int, int, int]]:
    counted: Counter[tuple[int, int, int]] = Counter()
    for batch in batches:
        columns = [batch[name].tolist() for name in ("user_index", "item_index")]
        counted.update(zip(*columns, batch["label"].tolist(), strict=True))
    return counted


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("buffer", [0, 500])
def test_a_data_loader_gives_each_row_once(
    warehouse: Settings, examples: Path, workers: int, buffer: int
) -> None:
    from torch.utils.data import DataLoader

    from winnow.export.torch_dataset import InteractionStream

    stream = InteractionStream(
        examples,
        ["tenant_id", "user_index", "item_index", "label", "feature"],
        batch_size=64,
        shuffle_buffer=buffer,
    )
    loader = DataLoader(stream, batch_size=None, num_workers=workers)
    batches = list(loader)
    given = Counter(
        rows_of(
            warehouse,
            "select user_index, item_index, label from training.examples "
            "join prepared.user_codes using (tenant_id, user_id) "
            "join prepared.item_codes using (tenant_id, item_id)",
        )
    )
    assert triples(batches) == given
    assert given.total() == len(TENANTS) * EXAMPLES
    assert max(len(batch["label"]) for batch in batches) == 64
    assert batches[0]["user_index"].dtype == torch.int64
    features = torch.cat([batch["feature"] for batch in batches])
    assert int(features.isnan().sum()) == len(TENANTS) * EXAMPLES // 2


@pytest.mark.parametrize("workers", [0, 2])
def test_set_epoch_changes_the_order_also_of_workers_that_live_on(
    examples: Path, workers: int
) -> None:
    from torch.utils.data import DataLoader

    from winnow.export.torch_dataset import InteractionStream

    stream = InteractionStream(
        examples, ["interaction_id", "draw"], shuffle_buffer=300, seed=3
    )
    loader = DataLoader(
        stream, batch_size=None, num_workers=workers, persistent_workers=workers > 0
    )
    orders = []
    for epoch in (0, 1, 0):
        stream.set_epoch(epoch)
        orders.append([name for batch in loader for name in batch["interaction_id"]])
    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


def test_processes_share_the_rows_out_by_their_rank(examples: Path) -> None:
    from winnow.export.torch_dataset import InteractionStream

    columns = ["tenant_id", "user_index", "item_index", "label"]
    whole = triples(InteractionStream(examples, columns))
    ranks = [
        triples(InteractionStream(examples, columns, shard=rank, shards=3))
        for rank in range(3)
    ]
    assert all(ranks)
    assert sum(ranks, Counter[Any]()) == whole
    with pytest.raises(InputError, match="0 to shards - 1"):
        InteractionStream(examples, shard=3, shards=3)


def test_codes_of_several_tenants_are_not_mixed(examples: Path) -> None:
    from winnow.export.torch_dataset import InteractionStream

    for columns in (None, ["user_index", "label"]):
        with pytest.raises(InputError, match="of 3 tenants, numbered from 1 for each"):
            InteractionStream(examples, columns)
        InteractionStream(examples, columns, tenants=["007"])
    InteractionStream(examples, ["label"])
    with pytest.raises(InputError, match="has no tenant_id 'shopp'; it has 007, shop"):
        InteractionStream(examples, tenants=["shopp"])


def test_types_nulls_and_lists_become_tensors(
    warehouse: Settings, examples: Path, tmp_path: Path
) -> None:
    from winnow.export.torch_dataset import InteractionStream

    with pytest.raises(InputError, match="whole_feature has nulls: give fill_null"):
        next(iter(InteractionStream(examples, tenants=["007"])))
    batch = next(iter(InteractionStream(examples, tenants=["007"], fill_null=-1)))
    assert {name: values.dtype for name, values in batch.items()} == {
        "draw": torch.int64,
        "label": torch.int64,
        "feature": torch.float64,
        "whole_feature": torch.int64,
        "is_first": torch.bool,
        "interacted_at": torch.int64,
        "user_index": torch.int64,
        "item_index": torch.int64,
    }
    assert set(batch["whole_feature"].tolist()) == {7, -1}
    assert torch.equal(batch["is_first"], batch["label"] == 1)
    times = {int(time) for time in batch["interacted_at"]}
    assert times <= {1_704_067_200_500_000 + day * 86_400_000_000 for day in range(12)}
    for request, folder in (
        (ExportRequest("sequences"), "ragged"),
        (ExportRequest("sequences", pad_to=10), "padded"),
    ):
        export(warehouse, tmp_path / folder, request)
        columns = ["item_indexes", "history_length"]
        batches = list(
            InteractionStream(
                tmp_path / folder, columns, tenants=["shop"], splits=["test"]
            )
        )
        assert sum(len(batch["history_length"]) for batch in batches) == 3 * USERS
        width = {"ragged": 8, "padded": 10}[folder]
        for batch in batches:
            matrix, lengths = batch["item_indexes"], batch["history_length"]
            assert matrix.shape == (len(lengths), width)
            filled = torch.arange(width) >= width - lengths[:, None]
            assert torch.equal(matrix > 0, filled)


def test_lists_of_different_lengths_are_padded_on_the_left(tmp_path: Path) -> None:
    from winnow.export.torch_dataset import InteractionStream

    table = pa.table({"item_indexes": [[1], [2, 3, 4], [], [5, 6]]})
    pq.write_table(table, tmp_path / "part_0.parquet")
    (tmp_path / "_manifest.json").write_text(
        '{"winnow": "0", "format": "parquet", "partitions": [{"rows": 4}], '
        '"files": [{"path": "part_0.parquet"}]}'
    )
    batches = [
        batch["item_indexes"].tolist()
        for batch in InteractionStream(tmp_path, batch_size=3)
    ]
    assert batches == [[[0, 0, 1], [2, 3, 4], [0, 0, 0]], [[5, 6]]]


@pytest.mark.parametrize("tenant", ["shop", "007", AWKWARD])
def test_recbole_reads_our_splits(
    warehouse: Settings, tmp_path: Path, tenant: str
) -> None:
    pytest.importorskip("recbole", reason="recbole is not installed")
    export(warehouse, tmp_path / "out", ExportRequest(format="recbole"))
    config, dataset = read(tmp_path / "out", dataset_name(tenant), "BPR", {})
    assert dataset.user_num == USERS + 1
    assert dataset.item_num <= ITEMS + 1
    loaders = prepared(config, dataset)
    train = loaders[0]
    parts = [loader.dataset for loader in loaders]
    assert [len(part) for part in parts] == [USERS * (POSITIVES - 3), USERS, USERS]
    given = rows_of(
        warehouse,
        "select user_id, item_id from training.split_assignments "
        "where split = 'test' and split_name = 'leave_last_out' and tenant_id = "
        f"'{tenant}'",
    )
    test = parts[2].inter_feat
    users = dataset.id2token("user_id", test["user_id"].numpy())
    items = dataset.id2token("item_id", test["item_id"].numpy())
    found = {(unquote(u), unquote(i)) for u, i in zip(users, items, strict=True)}
    assert found == set(given)
    assert next(iter(train))["user_id"].min() > 0


def test_recbole_reads_features_of_users_and_items(
    warehouse: Settings, tmp_path: Path
) -> None:
    pytest.importorskip("recbole", reason="recbole is not installed")
    export(warehouse, tmp_path / "out", ExportRequest(format="recbole"))
    extra = {
        "load_col": {
            "inter": ["user_id", "item_id", "timestamp", "label", "rating"],
            "user": ["user_id", "age", "country"],
            "item": ["item_id", "title", "categories", "price"],
        }
    }
    _, dataset = read(tmp_path / "out", dataset_name(AWKWARD), "BPR", extra)
    names = {
        unquote(dataset.id2token("item_id", number)): row
        for number, row in enumerate(dataset.item_feat["categories"])
        if number
    }
    assert len(names) == ITEMS
    words = [list(dataset.id2token("categories", row)) for row in names.values()]
    assert words == [["Science_Fiction", "x"]] * ITEMS
    ages = dataset.user_feat["age"]
    assert sorted(map(float, ages[1:])) == [float(n + 1) for n in range(USERS)]
    assert set(dataset.inter_feat["label"]) == {1.0}


def test_recbole_trains_on_our_labels_and_our_sequences(
    warehouse: Settings, tmp_path: Path
) -> None:
    pytest.importorskip("recbole", reason="recbole is not installed")
    request = ExportRequest("examples", "recbole", tenants=["007"])
    export(warehouse, tmp_path / "examples", request)
    labelled = {"train_neg_sample_args": None, "eval_args": {"mode": "labeled"}}
    _, dataset = read(tmp_path / "examples", "007", "DeepFM", labelled)
    assert [len(part) for part in dataset.build()] == [
        EXAMPLES - 4 * USERS,
        2 * USERS,
        2 * USERS,
    ]
    assert float(dataset.inter_feat["label"].sum()) == EXAMPLES / 2
    request = ExportRequest("sequences", "recbole", tenants=["007"])
    export(warehouse, tmp_path / "sequences", request)
    sequential = {"train_neg_sample_args": None}
    config, dataset = read(tmp_path / "sequences", "007", "SASRec", sequential)
    train, _, test = prepared(config, dataset)
    batch = next(iter(train))
    # RecBole pads on the right; the codes of items are one space with the targets.
    assert batch["item_id_list"].shape[1] == 8
    assert set(batch["item_length"].tolist()) == {8}
    given = {
        row[0]: row[1:]
        for row in rows_of(
            warehouse,
            "select user_id, next_item_id, item_indexes from training.sequences "
            "where tenant_id = '007' and split_name = 'leave_last_out' "
            "and split = 'test' and history_length > 0",
        )
    }
    names = dict(
        rows_of(
            warehouse,
            "select item_index, item_id from prepared.item_codes "
            "where tenant_id = '007'",
        )
    )
    rows = test.dataset.inter_feat
    assert len(rows) == len(given) == USERS // 2
    for row in range(len(rows)):
        user = dataset.id2token("user_id", int(rows["user_id"][row]))
        items = dataset.id2token("item_id", rows["item_id_list"][row][:8].numpy())
        last = dataset.id2token("item_id", int(rows["item_id"][row]))
        expected_last, expected = given[user]
        assert (last, list(items)) == (expected_last, [names[one] for one in expected])


def read(folder: Path, name: str, model: str, extra: dict[str, Any]) -> tuple[Any, Any]:
    """RecBole's configuration, from the settings that lie beside the files, and its
    data set.
    """
    from recbole.config import Config
    from recbole.data import create_dataset

    config = Config(
        model=model,
        dataset=name,
        config_file_list=[str(folder / name / "recbole.yaml")],
        config_dict={
            "data_path": str(folder),
            "show_progress": False,
            "use_gpu": False,
            "worker": 0,
            **extra,
        },
    )
    return config, create_dataset(config)


def prepared(config: Any, dataset: Any) -> tuple[Any, Any, Any]:
    """RecBole's three data loaders."""
    from recbole.data import data_preparation

    train, valid, test = data_preparation(config, dataset)
    return train, valid, test
