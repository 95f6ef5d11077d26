"""Tests of what is found wrong with a set-up."""
