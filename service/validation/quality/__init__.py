"""How good a version's answers are: data through its contract, metrics, slices, classes."""
