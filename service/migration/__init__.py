"""Stages of MLflow become aliases."""
