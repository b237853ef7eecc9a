"""Configurations that tests share."""

from murid import Config

# No network: fast, and the same on every processor.
BACKGROUND = Config().change("detection.detector=background")
NO_REFINE = BACKGROUND.change("identification.refine=never")
TRACKS_ONLY = BACKGROUND.change("identification.enabled=false")
