"""The inspector: a child that reads what artifacts refer to, and runs none of it."""
