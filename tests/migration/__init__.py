"""Tests of the migration from stages to aliases."""
