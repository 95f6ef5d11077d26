"""What is planned, decided and counted of a rollout: pure, and shared by service and commands."""
