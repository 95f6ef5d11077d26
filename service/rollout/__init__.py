"""What tags of a registered model ask for, and what counts say of it: pure, and free of any I/O."""
