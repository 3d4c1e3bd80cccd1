"""The quality gate on raw, derived from the contracts."""

from ingest.expectations.gate import Failure, Feed, GateReport, run_gate

__all__ = ["Failure", "Feed", "GateReport", "run_gate"]
