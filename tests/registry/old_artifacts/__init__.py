"""Artifacts as older releases of MLflow have made them."""
