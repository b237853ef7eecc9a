"""Paths of animals through tracklets: found by min-cost flow, with the evidence along them.

1. `candidate_links`: which tracklets may follow which.
2. `min_cost_flow`: the best N paths.
3. `context`: the `transitions` of the paths and the evidence along them, such as `pooled_features`.
"""
