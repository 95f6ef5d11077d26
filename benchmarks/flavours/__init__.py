"""`make bench-flavours`: Podium beside `mlflow models serve`, one model of each flavour."""
