"""MLflow's webhooks: deliveries that are believed, and how one is registered."""
