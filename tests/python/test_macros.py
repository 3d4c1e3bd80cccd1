"""The macros and generic tests that no model's unit test reaches."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path

from homes import make_environment
from test_end_to_end import NAMESPACE

from ingest.contracts import PROJECT_ROOT


def run_operation(
    home: Path, name: str, variables: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            Path(sys.executable).with_name("dbt"),
            *("run-operation", name, "--vars", json.dumps(variables)),
            *("--project-dir", PROJECT_ROOT, "--profiles-dir", PROJECT_ROOT),
        ],
        env=make_environment(home)
        | {"DBT_TARGET_PATH": str(home), "DBT_LOG_PATH": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_macros_and_generic_tests_do_what_they_say(tmp_path: Path) -> None:
    name = "\x1f".join(["user", "t", "", "ü"])
    expected = str(uuid.uuid5(NAMESPACE, name))
    done = run_operation(tmp_path, "check_macros", {"expected_uuid": expected})
    assert done.returncode == 0, done.stdout
    wrong = run_operation(tmp_path, "check_macros", {"expected_uuid": "other"})
    assert wrong.returncode != 0
    assert "uuid5 equals Python's: expected 1 rows, found 0" in wrong.stdout
