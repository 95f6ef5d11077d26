"""Training: what it does with iris, and what it leaves in MLflow."""
