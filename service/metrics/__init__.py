"""Prometheus metrics, a file for each room that counts."""
