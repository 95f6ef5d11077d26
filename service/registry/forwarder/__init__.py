"""The forwarder: a child that takes models' traces, and sends them to MLflow."""
