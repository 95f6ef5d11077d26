"""How a version bears load, alone and in turns with another one."""
