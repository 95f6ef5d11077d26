"""Shadows at work, on fakes behind the ports."""
