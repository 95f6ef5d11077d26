"""One version, staged as the service stages it, to be asked and watched."""
