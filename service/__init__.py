"""Podium serves MLflow models by alias, and follows the alias."""
