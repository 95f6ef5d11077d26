"""The zygote, and what it forks."""
