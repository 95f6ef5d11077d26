"""Podium beside MLflow's own scoring server, the whole of it, over the same requests."""
