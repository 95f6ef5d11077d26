"""What is said for predictions: each protocol behind one port, whatever transport carries it."""
