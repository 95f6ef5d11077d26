"""The console's side of the front, on fakes behind its ports."""
