"""The decoder: a child that reads long bodies, so that the front need not."""
