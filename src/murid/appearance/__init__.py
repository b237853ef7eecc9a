"""Appearance that only the video shows: colour features, fur descriptors, tracked points."""
