"""Connections, with real sockets and with a clock of the tests' own."""
