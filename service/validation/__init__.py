"""Judging one version before its alias moves: staged, smoke-tested, loaded, scored."""
