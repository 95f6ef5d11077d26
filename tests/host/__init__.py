"""What hosts do with a version: load, row by row or not, from a frame to the model and back."""
