"""Tracks of a run written in the formats of other programs: one module per format."""
