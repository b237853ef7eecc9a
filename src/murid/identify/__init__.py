"""Identities over a whole recording: pure functions from detections to names, positions and margins."""

from murid.identify.config import IdentifyConfig
from murid.identify.linking import identify_animals
from murid.identify.result import DoubtfulCrossings, Identified

__all__ = ["DoubtfulCrossings", "Identified", "IdentifyConfig", "identify_animals"]
