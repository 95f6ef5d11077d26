"""Swaps under load, with faults drawn at random: nothing wrong, nothing lost, nothing left."""
