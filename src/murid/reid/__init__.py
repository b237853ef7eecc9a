"""Re-identification across recordings: prototypes, the gallery, and matching to it.

1. `identity_appearance`: sample the appearance of the identities of a run.
2. `prototypes`: cluster the samples of each identity.
3. `matching`: find the animal of the `gallery` that each identity is.
4. `reidentify`: name the identities of runs, and update galleries; `gallery_file` stores a gallery,
   `animal_names` checks and makes names.
"""
