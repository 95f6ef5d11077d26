"""A rollout under load: weights, arms and aliases that change while hosts are killed."""
