"""`python -m service` is `podium`."""

from service.entry import main

main()
