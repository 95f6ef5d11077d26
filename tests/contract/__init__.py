"""The contract: what it takes, what it refuses, and that MLflow would agree."""
