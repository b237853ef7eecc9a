"""Swaps of two paths and reassignments of tracklets: which are possible, and which are made.

1. `candidates`, `intervals`, `reassignments`: possible changes of paths, each with the `llr_terms`
   of the current paths against the change. `unoccluded_endpoints` serve the `candidates`.
2. `refinement`: make the changes that increase the likelihood.
3. `swap_decoding`: where appearance tells animals apart, make the best sequence of all swaps.
"""
