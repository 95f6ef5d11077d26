"""Two signatures compared: which clients of the one would the other refuse."""
