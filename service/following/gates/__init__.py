"""Gates: what a version must pass before it may be swapped in."""
