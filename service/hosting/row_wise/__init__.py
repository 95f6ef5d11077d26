"""Whether a version answers each row by itself: knowledge of classes, and what refutes it."""
