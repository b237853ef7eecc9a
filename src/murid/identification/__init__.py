"""Identification: which animal is where in a whole recording, by tracklet stitching."""

from murid.identification.config import IdentificationConfig
from murid.identification.linker import link_tracklets
from murid.identification.result import DoubtfulCrossings, IdentificationResult

__all__ = ["DoubtfulCrossings", "IdentificationConfig", "IdentificationResult", "link_tracklets"]
