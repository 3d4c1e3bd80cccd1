"""Functions that Winnow adds to DuckDB while dbt runs (``winnow/build/dbt_plugin.py``).

What they give is stored in tables, so that nobody who reads a warehouse needs them.
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from duckdb.func import FunctionNullHandling, PythonUDFType

_INTERVAL = "STRUCT(low DOUBLE, high DOUBLE)"


def add_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the functions to a connection and all its cursors: ``student_t_p_value(t,
    degrees)``, ``student_t_quantile(share, degrees)``, ``normal_share(z)``,
    ``normal_quantile(share)``, ``chi_square_p_value(statistic, degrees)``,
    ``sequential_p_values(shares, level)`` and
    ``bca_interval(sums, sizes, acceleration, seed, resamples)``. Each is null where an
    argument is, and where there is no such number.
    """
    # Only functions that are given the nulls may return some.
    nulls = FunctionNullHandling.SPECIAL
    for name in ("normal_share", "normal_quantile"):
        _add(connection, name, _of_one(f"{name}s"), ["DOUBLE"], "DOUBLE", nulls)
    for name in ("student_t_p_value", "student_t_quantile", "chi_square_p_value"):
        two = ["DOUBLE", "DOUBLE"]
        _add(connection, name, _of_two(f"{name}s"), two, "DOUBLE", nulls)
    shares = ["DOUBLE[]", "DOUBLE"]
    _add(connection, "sequential_p_values", _sequential_p_values, shares, "DOUBLE[]")
    lists = ["DOUBLE[]", "DOUBLE[]", "DOUBLE", "BIGINT", "BIGINT"]
    _add(connection, "bca_interval", _bca_interval, lists, _INTERVAL)


def _add(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    function: Callable[..., pa.Array],
    arguments: list[str],
    result: str,
    nulls: FunctionNullHandling = FunctionNullHandling.DEFAULT,
) -> None:
    connection.create_function(
        name,
        function,
        [duckdb.sqltype(argument) for argument in arguments],
        duckdb.sqltype(result),
        type=PythonUDFType.ARROW,
        null_handling=nulls,
    )


# DuckDB counts the parameters of a function: hence one for each number of them. scipy
# is imported when one is first called, because most runs of dbt do without it.


def _of_one(name: str) -> Callable[..., pa.Array]:
    def call(column: pa.ChunkedArray) -> pa.Array:
        return _applied(name, column)

    return call


def _of_two(name: str) -> Callable[..., pa.Array]:
    def call(left: pa.ChunkedArray, right: pa.ChunkedArray) -> pa.Array:
        return _applied(name, left, right)

    return call


def _applied(name: str, *columns: pa.ChunkedArray) -> pa.Array:
    from winnow.warehouse import statistics

    values = getattr(statistics, name)(*(column.to_numpy() for column in columns))
    return pa.array(values, pa.float64(), from_pandas=True)


def _sequential_p_values(lists: pa.ChunkedArray, levels: pa.ChunkedArray) -> pa.Array:
    from winnow.warehouse.statistics import sequential_p_values

    return pa.array(
        [
            sequential_p_values(tuple(shares), level)
            for shares, level in zip(lists.to_pylist(), levels.to_pylist(), strict=True)
        ],
        pa.list_(pa.float64()),
    )


def _bca_interval(
    sums: pa.ChunkedArray,
    sizes: pa.ChunkedArray,
    accelerations: pa.ChunkedArray,
    seeds: pa.ChunkedArray,
    resamples: pa.ChunkedArray,
) -> pa.Array:
    from winnow.warehouse.statistics import bca_intervals

    ends = np.full((len(sums), 2), np.nan)
    lengths = pc.list_value_length(sums).to_numpy()
    columns = [column.to_numpy() for column in (accelerations, seeds, resamples)]
    kinds = np.column_stack([lengths, columns[1], columns[2]]).astype(np.int64)
    for groups, seed, count in np.unique(kinds, axis=0):
        rows = np.flatnonzero((kinds == (groups, seed, count)).all(axis=1))
        if groups:
            picked, picked_sizes = (
                pc.list_flatten(lists.take(pa.array(rows)))
                .to_numpy()
                .reshape(len(rows), groups)
                for lists in (sums, sizes)
            )
            accelerations_of_rows = columns[0][rows]
            ends[rows] = bca_intervals(
                picked, picked_sizes, accelerations_of_rows, int(seed), int(count)
            )
    low, high = (pa.array(end, pa.float64(), from_pandas=True) for end in ends.T)
    return pa.StructArray.from_arrays([low, high], ["low", "high"])
