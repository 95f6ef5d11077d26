"""What an operator sees of a service: its page, the stream of what changes, the last minutes."""
