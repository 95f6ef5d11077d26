"""How shares of an alias's requests go elsewhere: what is planned, and who gets which arm. Pure."""
