"""Podium, promise by promise."""
