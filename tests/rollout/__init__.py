"""What is planned, decided and counted of a rollout."""
