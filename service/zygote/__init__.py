"""The zygote: imports once what models need, and forks every other child."""
