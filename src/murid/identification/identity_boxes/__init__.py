"""Boxes of the identities over time: detected, interpolated in gaps, and smoothed."""
