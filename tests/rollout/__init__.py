"""What is decided and counted of a rollout."""
