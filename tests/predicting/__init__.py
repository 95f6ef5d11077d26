"""Predicting, on fakes behind the ports, without any transport."""
