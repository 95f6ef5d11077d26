"""Protocols, without any transport."""
