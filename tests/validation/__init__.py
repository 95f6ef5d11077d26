"""Judging a version: policy, quality, and the record of it."""
