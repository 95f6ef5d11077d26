"""The comparer, in a process of its own."""
