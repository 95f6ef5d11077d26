"""Requests and replies as named tensors, as the Open Inference Protocol has them."""
