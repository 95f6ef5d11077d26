"""Podium as platforms run it, each for real: `make platform`.

Too slow, or too much to ask of a machine, for the tests that run with every change.
"""
