"""Requests and replies as named tensors: what the Open Inference Protocol asks, by any transport."""
