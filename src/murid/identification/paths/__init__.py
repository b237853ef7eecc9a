"""Paths of animals through tracklets: found by min-cost flow, with the evidence along them."""
