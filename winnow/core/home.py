"""Where the project is: the folder of ``dbt_project.yml``."""

from __future__ import annotations

from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
