"""Events: what is told, how, and what becomes of it where nobody takes it."""
