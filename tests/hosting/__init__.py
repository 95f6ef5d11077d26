"""Hosts, pools and batches, with real processes and real models."""
