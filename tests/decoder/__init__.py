"""Large bodies, read beside the front."""
