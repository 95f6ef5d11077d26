"""Environments of versions."""
