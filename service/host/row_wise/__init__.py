"""Whether a model answers each row by itself: known of its classes, refuted by trial."""
