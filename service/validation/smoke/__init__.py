"""Whether a version answers at all: its example by every format, few rows and many."""
