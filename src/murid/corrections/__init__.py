"""Corrections: what a person says about the animals of a run, and what follows from it.

`records` holds the statements, `log` keeps them in the run, `pair_statements` turns them
into pairs of detections that show the same animal or different ones, and names contradictions.
`resolve` finds these detections in the run, as the constraints of identification.
"""

from murid.corrections.records import (
    Add,
    AnimalRef,
    Assign,
    Correction,
    Crossing,
    DetectionRef,
    Drop,
    Entry,
    Rename,
    Revoke,
    Swap,
    select_active,
)

__all__ = [
    "Add",
    "AnimalRef",
    "Assign",
    "Correction",
    "Crossing",
    "DetectionRef",
    "Drop",
    "Entry",
    "Rename",
    "Revoke",
    "Swap",
    "select_active",
]
