"""A signature, compiled once: what it accepts, what comes of it, and how to say what is wrong."""
