"""Identities over a whole recording: pure functions from detections to names, positions and margins."""

from murid.identification.config import IdentifyConfig
from murid.identification.linker import identify_animals
from murid.identification.result import DoubtfulCrossings, Identified

__all__ = ["DoubtfulCrossings", "Identified", "IdentifyConfig", "identify_animals"]
