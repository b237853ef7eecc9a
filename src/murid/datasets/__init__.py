"""Labelled data in and out: one module per format, and every check of it in one place."""
