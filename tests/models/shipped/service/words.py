"""One word."""

WORD = "own-service"
