"""Fetched artifacts on disk, shared by the front and the registry child."""
