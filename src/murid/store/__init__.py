"""The run directory: manifest, Parquet parts, side tables, and resuming after a kill."""

from murid.store.create import is_run_directory
from murid.store.frame_table import FrameTable
from murid.store.manifest import FORMAT_VERSION, AnimalName, Manifest, Operation, StageStatus
from murid.store.parts import round_as_stored
from murid.store.run_directory import PART_FRAMES, RunDirectory
from murid.store.writer import DetectionWriter

__all__ = [
    "FORMAT_VERSION",
    "PART_FRAMES",
    "AnimalName",
    "DetectionWriter",
    "FrameTable",
    "Manifest",
    "Operation",
    "RunDirectory",
    "StageStatus",
    "is_run_directory",
    "round_as_stored",
]
