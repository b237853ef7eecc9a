"""Re-identification across recordings: prototypes, the gallery, and matching to it."""
