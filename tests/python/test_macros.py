"""The macros and generic tests that no model's unit test reaches."""

from __future__ import annotations

import uuid

from test_end_to_end import NAMESPACE

from winnow.build.dbt import ParsedProject
from winnow.core.settings import Settings


def test_macros_and_generic_tests_do_what_they_say(settings: Settings) -> None:
    project = ParsedProject(settings)
    operation = ["run-operation", "check_macros"]
    name = "\x1f".join(["user", "t", "", "ü"])
    expected = str(uuid.uuid5(NAMESPACE, name))
    done = project.run(operation, {"expected_uuid": expected})
    assert done.succeeded, done.failures
    wrong = project.run(operation, {"expected_uuid": "other"})
    assert not wrong.succeeded
    log = (settings.state / "logs" / "dbt.log").read_text("utf-8")
    assert "uuid5 equals Python's: expected 1 rows, found 0" in log
