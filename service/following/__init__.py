"""Makes slots agree with the registry: resolve, decide, stage, swap."""
