"""Bodies as broken as chance makes them, sent to a whole service over real sockets."""
