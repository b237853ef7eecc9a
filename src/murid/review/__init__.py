"""Review of a run: a local page on which a person looks at doubtful crossings and corrects them."""
