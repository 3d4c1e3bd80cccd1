"""The one place that reads the environment. ``profiles.yml`` uses the same variable
names.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from winnow.core.errors import InputError
from winnow.core.file_names import path_text
from winnow.core.home import PROJECT_FILE, find_project

RESERVED = (
    *("raw", "staging", "validated", "prepared", "features", "training"),
    *("evaluation", "quality", "seeds", "main", "temp", "system"),
    *("information_schema", "pg_catalog"),
)
"""What a warehouse's file cannot be called before its ``.duckdb``: DuckDB calls the
database by it, and would not know whether ``raw.x`` is a table of the schema or of the
database.
"""

_SIZE = re.compile(r"\s*(?=.*[1-9])\d{1,12}(\.\d+)?\s*[KMGT]i?B\s*", re.IGNORECASE)


class Settings(BaseSettings):
    """Where Winnow keeps its things and how much of the machine it may use.

    Each field is read from the environment variable ``WINNOW_<FIELD>``; relative paths
    are taken from the project's folder, and outside a project from the working one.
    """

    model_config = SettingsConfigDict(env_prefix="WINNOW_", extra="ignore")

    project: Path = Field(Path(), description="The project's folder, or any below it.")
    warehouse: Path = Field(Path("winnow.duckdb"), description="The DuckDB file.")
    lake: Path = Field(Path("lake"), description="Root of the landing lake.")
    state: Path = Field(Path(".winnow"), description="Lock, dlt state, spill files.")
    target: Path = Field(Path("target"), description="dbt's artifacts and Data Docs.")
    published: Path = Field(Path("published"), description="Published generations.")
    temp_directory: Path = Field(
        Path("winnow.duckdb.tmp"),
        description="Where DuckDB spills and loads stage files.",
    )
    threads: int = Field(
        2, ge=1, le=1024, description="Models that dbt builds at once."
    )
    duckdb_threads: int = Field(2, ge=1, le=1024, description="Threads of one query.")
    memory_limit: str = Field("7GB", description="DuckDB's memory limit.")
    max_temp_directory_size: str = Field("100GB", description="Limit of spill files.")
    keep_generations: int = Field(
        3, ge=1, le=1_000_000, description="Generations that are kept."
    )

    def model_post_init(self, _context: object) -> None:
        """Make every path absolute, from the project's folder. Raises InputError for
        one that DuckDB could not use.
        """
        start = self.project.absolute()
        self.project = find_project(start) or start
        places = ("warehouse", "lake", "state", "target", "published", "temp_directory")
        for name in places:
            given = getattr(self, name)
            path = self.project / given
            fault = "a ?" if "?" in str(path) else ""
            if path_text(path) != str(path):
                fault = "bytes that are not UTF-8"
            if fault:
                raise InputError(
                    f"WINNOW_{name.upper()}: the path {path_text(path)} has {fault} in "
                    "it, which DuckDB cannot take; name another folder."
                )
            if given == Path():
                raise InputError(
                    f"WINNOW_{name.upper()} is empty: give it a path, or unset it."
                )
            setattr(self, name, path)
        stem = self.warehouse.name.partition(".")[0].lower()
        if stem in RESERVED:
            raise InputError(
                f"WINNOW_WAREHOUSE: a database cannot be called {stem}, because a "
                "schema is; name the file otherwise, such as winnow.duckdb."
            )
        for name in ("memory_limit", "max_temp_directory_size"):
            size = str(getattr(self, name))
            if not _SIZE.fullmatch(size):
                raise InputError(
                    f"WINNOW_{name.upper()}: {size!r} is no size, such as 8GB or "
                    "512MiB."
                )

    @property
    def duckdb_options(self) -> dict[str, str]:
        """DuckDB's options of a connection to the warehouse, as in profiles.yml."""
        return {
            "threads": str(self.duckdb_threads),
            "memory_limit": self.memory_limit,
            "temp_directory": str(self.temp_directory),
            "max_temp_directory_size": self.max_temp_directory_size,
            "preserve_insertion_order": "false",
        }

    def environment(self) -> dict[str, str]:
        """The settings as environment variables, absolute paths included, for dbt's
        ``profiles.yml``.
        """
        return {f"WINNOW_{name.upper()}": str(value) for name, value in self}


class S3Settings(BaseSettings):
    """Where S3 is. The keys (``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY`` or any
    other of the usual ways) are found by the S3 client itself.
    """

    model_config = SettingsConfigDict(env_prefix="AWS_", extra="ignore")

    endpoint_url: str | None = Field(
        None, description="The server; Amazon's own when null."
    )
    region: str | None = Field(None, description="The client's default when null.")


def settings() -> Settings:
    """The settings of this process, read from the environment at each call. Raises
    InputError for a variable that cannot be used.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(map(str, first["loc"])).upper()
        raise InputError(
            f"WINNOW_{name}: {first['input']!r} cannot be used: {first['msg'].lower()}."
        ) from None


def project_root(here: Settings | None = None) -> Path:
    """The project's folder. Raises InputError where there is none."""
    given = Path(os.environ.get("WINNOW_PROJECT", ""))
    return _root(given.absolute() if here is None else here.project)


@lru_cache(maxsize=16)
def _root(start: Path) -> Path:
    root = find_project(start)
    if root is None:
        raise InputError(
            f"There is no project in {path_text(start)} or above it (no {PROJECT_FILE} "
            "of Winnow's): `winnow init shop` makes one in the folder shop, or name "
            "yours with WINNOW_PROJECT."
        )
    return root


def project_settings() -> Settings:
    """The settings within a project. Raises InputError where there is none."""
    here = settings()
    project_root(here)
    return here


def seeds_folder() -> Path:
    """The project's seeds. Raises InputError where there is no project."""
    return project_root() / "seeds"
