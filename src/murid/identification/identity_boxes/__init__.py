"""Boxes of the identities over time: detected, interpolated in gaps, and smoothed.

1. `assigned_detections`: the detections of each path, and others recovered in its gaps.
2. `gap_filling`: interpolated boxes.
3. `foreground_candidates`, `foreground_path`: interpolated boxes held to the foreground.
4. `contacts`: boxes that hold two animals.
5. `box_smoothing`: boxes that are consistent over time.
6. `result_builder`: all of it together, as `IdentificationResult`.
"""
