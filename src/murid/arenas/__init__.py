"""Arenas, zones and the scale of a video: layout, file, drawing, mouse editor."""
