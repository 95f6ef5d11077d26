"""Shadows at work: requests that were answered are predicted again, unseen, and compared."""
