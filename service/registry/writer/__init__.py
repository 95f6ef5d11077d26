"""The only part of Podium that writes to MLflow's registry, and to runs beside it."""
