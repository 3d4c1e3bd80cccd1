"""The quality gate's verdicts on loads, and its Data Docs."""

from winnow.gate.gate import (
    Failure,
    GateReport,
    Load,
    check_thresholds,
    held_counts,
    read_gate,
)

__all__ = [
    "Failure",
    "GateReport",
    "Load",
    "check_thresholds",
    "held_counts",
    "read_gate",
]
