"""What takes too long, or asks too much of a machine, for the suite: each a module to be run."""
