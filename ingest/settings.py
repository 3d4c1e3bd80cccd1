"""The one place that reads the environment. ``profiles.yml`` uses the same variable
names.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from ingest.contracts import PROJECT_ROOT


class Settings(BaseSettings):
    """Where Winnow keeps its things and how much of the machine it may use.

    Each field is read from the environment variable ``WINNOW_<FIELD>``; relative paths
    are taken from the project's root.
    """

    model_config = SettingsConfigDict(env_prefix="WINNOW_", extra="ignore")

    warehouse: Path = Field(Path("winnow.duckdb"), description="The DuckDB file.")
    lake: Path = Field(Path("lake"), description="Root of the landing lake.")
    state: Path = Field(Path(".winnow"), description="Lock, dlt state, spill files.")
    target: Path = Field(Path("target"), description="dbt's artifacts and Data Docs.")
    temp_directory: Path = Field(
        Path("winnow.duckdb.tmp"),
        description="Where DuckDB spills and loads stage files.",
    )
    threads: int = Field(2, ge=1, description="Models that dbt builds at once.")
    duckdb_threads: int = Field(2, ge=1, description="Threads of one query.")
    memory_limit: str = Field("8GB", description="DuckDB's memory limit.")
    max_temp_directory_size: str = Field("100GB", description="Limit of spill files.")

    def model_post_init(self, _context: object) -> None:
        """Make every path absolute, from the project's root."""
        for name in ("warehouse", "lake", "state", "target", "temp_directory"):
            setattr(self, name, PROJECT_ROOT / getattr(self, name))

    def environment(self) -> dict[str, str]:
        """The settings as environment variables, absolute paths included, for dbt's
        ``profiles.yml``.
        """
        return {f"WINNOW_{name.upper()}": str(value) for name, value in self}


def settings() -> Settings:
    """The settings of this process, read from the environment at each call."""
    return Settings()
