"""Swaps of two paths and reassignments of tracklets: where possible, and which are made."""
