"""The registry room: one contract for the fake and for MLflow, and what only MLflow can do."""
