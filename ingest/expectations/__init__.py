"""The quality gate on raw, derived from the contracts."""

from ingest.expectations.gate import Failure, GateReport, run_gate

__all__ = ["Failure", "GateReport", "run_gate"]
