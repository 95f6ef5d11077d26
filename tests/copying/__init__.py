"""How versions come into other environments."""
