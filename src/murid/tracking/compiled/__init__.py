"""The association of `murid.tracking.tracker`, compiled by numba."""
