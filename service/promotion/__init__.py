"""Moves an alias, and what comes before and after: plan, prepare, promote, roll back."""
