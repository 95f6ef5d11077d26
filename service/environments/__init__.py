"""Environments: an interpreter and installed packages that versions run with."""
