"""What an artifact would run, told before it is loaded."""
