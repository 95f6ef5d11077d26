"""Environments of versions, built and looked after by command."""
