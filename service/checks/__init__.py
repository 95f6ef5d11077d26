"""A running service as an application meets it, checked from outside."""
