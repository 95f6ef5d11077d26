"""What stands between sockets and the application: uvicorn, with limits, and a stop of our own."""
