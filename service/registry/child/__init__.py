"""The registry child: MLflow's client, in the one process that has credentials."""
