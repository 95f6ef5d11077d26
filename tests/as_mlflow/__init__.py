"""As MLflow does: one catalogue of requests, and every level of Podium that answers for it."""
