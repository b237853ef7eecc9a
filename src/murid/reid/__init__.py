"""Re-identification across recordings: prototypes, the gallery of known animals, and naming from it."""
