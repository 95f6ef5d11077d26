"""Trains the models that Podium is shown with; knows MLflow, and nothing of the service."""
