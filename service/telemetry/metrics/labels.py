"""What metrics of several rooms have in common."""

# From a host's own time for one row, under a millisecond, to the default limit of a prediction.
REQUEST_SECONDS = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
    *(0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
SLOT = ("model", "alias")
# An empty version is that of what none has answered.
SLOT_VERSION = (*SLOT, "version")
