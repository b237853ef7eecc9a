"""Appearance models of the animals of one recording, fitted without labels.

1. `feature_averaging`: average embeddings, size and fur descriptors (`kernel_features`) over
   segments of tracklets; `tracklet_features` holds the results.
2. `appearance_model`: the appearance of tracklets, to score links between them.
3. `fur_selection`, with `averaged_pairs`: cross-validation that decides whether fur descriptors are
   used; `feature_scaling` puts the selected features on one scale.
4. `swap_appearance_fit`: the appearance of tracklets, to score swaps of two animals
   (`swap_appearance`).

All models use pairs of segments (`pair_sampling`), linear `discriminants` that separate different
animals, and log-likelihood ratios of pairs (`pair_likelihood`).
"""
