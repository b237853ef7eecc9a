"""Identities over a whole recording: pure functions from detections to names, positions and margins."""

from murid.identification.config import IdentificationConfig
from murid.identification.linker import link_tracklets
from murid.identification.result import DoubtfulCrossings, IdentificationResult

__all__ = ["DoubtfulCrossings", "IdentificationConfig", "IdentificationResult", "link_tracklets"]
