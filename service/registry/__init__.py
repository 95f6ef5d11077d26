"""MLflow's client in a process of its own, and the artifacts that it has fetched."""
