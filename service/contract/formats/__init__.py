"""Request formats: bytes in, columns or tensors out."""
