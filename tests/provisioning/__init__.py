"""`podium env`: environments looked after by command."""
