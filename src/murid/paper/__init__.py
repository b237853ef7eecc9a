"""Reproduction of the paper's tables: train, run and score each row, and cache the results."""
