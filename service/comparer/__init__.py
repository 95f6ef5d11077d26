"""Compares what versions and their shadows have answered, in a process of its own."""
