"""`python -m service` is `podium`."""

from service.cli import main

main(prog_name="podium")
