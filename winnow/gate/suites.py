"""A load's rules as a suite of Great Expectations, and what the gate's counts say of
it.

Suites are made from the contract, with the tenant's own settings. They are validated
with the counts of the gate's models, so that no row is read again. Great Expectations
takes seconds to import: only this module does so, once its documents are asked for.
"""

from __future__ import annotations

import datetime as dt
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from winnow.contracts.entities import Column, load_contracts
from winnow.contracts.tenants import TenantSettings, accepted_values, of_tenant
from winnow.gate.data_docs import Checked

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

Documents = tuple[dict[str, Any], dict[str, Any]]
"""A suite and its validation result, as JSON that Great Expectations reads."""


def documents(
    checked: Sequence[Checked], settings: TenantSettings, seeds: Path | None = None
) -> Documents:
    """The suite of one load and entity, and its validation result; ``checked`` are the
    load's rules, one at least.

    A rule has two expectations of the same values: ``critical`` with the share that the
    gate needs, ``warning`` with the share below which it warns. The first is left out
    where too few values break the rule for a load to be held.
    """
    with _quiet():
        import great_expectations as gx
        from great_expectations.core.expectation_validation_result import (
            ExpectationSuiteValidationResult,
            ExpectationValidationResult,
        )

        expectations, results = [], []
        for one in checked:
            for severity, mostly in _limits(one).items():
                expectation = _expectation(one, severity, mostly, settings, seeds)
                expectations.append(expectation)
                results.append(
                    ExpectationValidationResult(
                        success=one.share >= mostly,
                        expectation_config=expectation.configuration,
                        result=_counts(one),
                        exception_info={"raised_exception": False},
                    )
                )
        suite = gx.ExpectationSuite(checked[0].suite, expectations)
        passed = sum(bool(result.success) for result in results)
        validation = ExpectationSuiteValidationResult(
            success=passed == len(results),
            results=results,
            suite_name=suite.name,
            statistics={
                "evaluated_expectations": len(results),
                "successful_expectations": passed,
                "unsuccessful_expectations": len(results) - passed,
                "success_percent": 100 * passed / len(results),
            },
        )
        return suite.to_json_dict(), validation.to_json_dict()


def _limits(one: Checked) -> dict[str, float]:
    critical = {} if one.is_tolerated else {"critical": one.mostly}
    return critical | {"warning": one.warn_below}


def _counts(one: Checked) -> dict[str, Any]:
    return {
        "element_count": one.checked,
        "unexpected_count": one.failed,
        "unexpected_percent": 100 * one.failed / one.checked,
        "partial_unexpected_list": list(one.examples),
    }


def _expectation(
    one: Checked,
    severity: str,
    mostly: float,
    settings: TenantSettings,
    seeds: Path | None,
) -> Expectation:
    """The expectation that says of a column what the rule does."""
    from great_expectations import expectations as gx
    from great_expectations.expectations.metadata_types import FailureSeverity

    name, _, rule = one.rule.rpartition(".")
    asked: dict[str, Any] = {}
    if rule in ("readable", "required"):
        kind = gx.ExpectColumnValuesToNotBeNull
    elif rule == "unique":
        kind = gx.ExpectColumnValuesToBeUnique
    else:
        entity = load_contracts()[one.source, one.entity]
        column = next(column for column in entity.columns if column.name == name)
        if rule == "type":
            kind = gx.ExpectColumnValuesToBeOfType
            asked["type_"] = column.data_type.upper()
        elif rule == "accepted_values":
            kind = gx.ExpectColumnValuesToBeInSet
            asked["value_set"] = accepted_values(column, one.tenant_id, seeds)
        elif rule == "max_length":
            kind = gx.ExpectColumnValueLengthsToBeBetween
            asked["max_value"] = column.max_length
        elif rule == "format":
            kind = gx.ExpectColumnValuesToMatchRegex
            asked["regex"] = f"^(?:{column.format})$"
        else:
            kind = gx.ExpectColumnValuesToBeBetween
            bound = _bound(column, rule, settings, one.tenant_id)
            asked[f"{rule[:3]}_value"] = bound
    return kind(
        column=name,
        mostly=mostly,
        severity=FailureSeverity(severity),
        meta={"rule": one.rule},
        **asked,
    )


def _bound(
    column: Column, rule: str, settings: TenantSettings, tenant: str
) -> float | dt.datetime:
    bound, setting = {
        "minimum": (column.minimum, column.minimum_from),
        "maximum": (column.maximum, column.maximum_from),
    }[rule]
    bound = of_tenant(settings, setting, tenant) or bound
    if isinstance(bound, str):
        return dt.datetime.fromisoformat(bound)
    assert bound is not None
    return bound


@contextmanager
def _quiet() -> Iterator[None]:
    """No telemetry, and no warnings of the library about itself."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
