"""The paper's tables made again: each row trained, run and scored, and kept with its configuration."""
