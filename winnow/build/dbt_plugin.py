"""What ``plugins`` in profiles.yml names: it adds Winnow's functions to DuckDB."""

from __future__ import annotations

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from winnow.warehouse.sql_functions import add_functions


class Plugin(BasePlugin):
    """What dbt-duckdb looks for in the module."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Add the functions to the database that dbt has opened."""
        add_functions(conn)
