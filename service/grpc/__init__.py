"""The Open Inference Protocol by gRPC: a transport beside HTTP, over the same use case."""
