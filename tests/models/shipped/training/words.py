"""One word."""

WORD = "own-training"
