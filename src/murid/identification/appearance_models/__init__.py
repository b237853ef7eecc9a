"""The appearance model of the animals of one recording, fitted without labels.

1. `feature_averaging`: average embeddings, size and fur descriptors (`kernel_features`) over
   segments of tracklets; `tracklet_features` holds the results.
2. `appearance_fit`: fit the model with and without fur descriptors, and keep the better one.
3. `appearance_model`: log-likelihood ratios of links, swaps and reassignments.

The model is fitted to pairs of segments (`pair_sampling`), by linear `discriminants` that separate
different animals, and the distribution of the differences of pairs (`pair_likelihood`).
"""
