"""What an operator's receiver is told of: one event for each thing that happens, over HTTP."""
