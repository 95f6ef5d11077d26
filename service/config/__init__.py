"""What is configured: settings, secrets, addresses, and the surroundings of children."""
