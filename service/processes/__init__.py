"""Processes of one machine that speak frames to each other, and end when the front ends."""
