"""How a version comes into another environment: its files, verified; or a link to them."""
