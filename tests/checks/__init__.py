"""`podium smoke`: each check passes on a right service and fails on a wrong one."""
