"""`python -m service` is `podium`."""

from service.cli.entry import main

main()
