"""What is decided and counted of a rollout, pure; what is counted can be added up over fronts."""
