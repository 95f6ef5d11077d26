"""The one MLflow run of a validation: what was found, by what, and pictures of it."""
