"""The console in a real browser, on real services: `make test-browser`."""
