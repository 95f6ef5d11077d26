"""Other people's clients of the Open Inference Protocol, each in an environment of its own."""
