"""MLflow's types: which values each of them takes, exactly."""
