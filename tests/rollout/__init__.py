"""Tests of `service.rollout`."""
