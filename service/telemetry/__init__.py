"""Logs and metrics: everything that operators read, and nothing that requests wait for."""
