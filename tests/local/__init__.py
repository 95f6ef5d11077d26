"""`podium up`: its steps, its children and its words."""
