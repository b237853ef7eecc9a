"""Read and write labelled data in the formats of other programs."""
