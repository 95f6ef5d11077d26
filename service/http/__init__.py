"""HTTP on the outside: dispatch, one file per protocol, health, and what people look at."""
