"""Frames, channels, and the rule that nothing outlives the front."""
