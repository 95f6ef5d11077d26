"""The whole job on one machine: MLflow, a first model and the service, all of it `podium up`'s."""
