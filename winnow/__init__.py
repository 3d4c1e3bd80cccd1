"""The Winnow application: command line, build and report.

``winnow.connect()`` opens what was published last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from winnow.core.settings import Settings


def connect(settings: Settings | None = None) -> duckdb.DuckDBPyConnection:
    """The generation that was published last, read-only and in UTC.

    The connection stays with that generation, whatever is published later. ``settings``
    are those of the environment when None. Raises InputError when nothing is published.
    """
    # DuckDB is imported here, so that importing winnow costs nothing.
    from winnow.publish.published import connect as open_current

    return open_current(settings)
