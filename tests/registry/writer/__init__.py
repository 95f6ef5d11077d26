"""Who writes to the registry, by itself."""
