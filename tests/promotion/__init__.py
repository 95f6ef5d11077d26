"""Moves of aliases: what is decided, what is written, and what is left where it was broken off."""
