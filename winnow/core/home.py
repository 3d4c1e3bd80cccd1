"""Where the project is. It is the user's folder, and never that of the code."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT_FILE = "dbt_project.yml"

_NAME = re.compile(r"^name: *['\"]?winnow['\"]? *$", re.MULTILINE)


def is_project(folder: Path) -> bool:
    """Whether a folder holds Winnow's dbt project."""
    try:
        text = (folder / PROJECT_FILE).read_text("utf-8", "replace")
    except OSError:
        return False
    return _NAME.search(text) is not None


def find_project(start: Path) -> Path | None:
    """The nearest folder with Winnow's dbt project, from ``start`` upward."""
    start = start.absolute()
    return next(filter(is_project, (start, *start.parents)), None)
