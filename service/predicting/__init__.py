"""The use case, free of any transport: admit, bind, hold, read, predict, release, record."""
