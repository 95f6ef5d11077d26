"""HTTP, against fakes behind the ports."""
