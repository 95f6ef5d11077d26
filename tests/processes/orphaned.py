"""A program whose children leave it theirs, and that reaps them."""

from typing import Final

LEAVES_ORPHANS: Final = """
import os, signal, sys
from service.processes.lifetime import adopt_orphans, children
from service.processes.front.child import AdoptedOrphans

adopt_orphans()
orphans = AdoptedOrphans()
for _ in range(3):
    if os.fork() == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
own = os.fork()
if own == 0:
    signal.pause()
while len(os.listdir("/proc")) and sum(
    open(f"/proc/{child}/stat").read().rpartition(")")[2].split()[0] == "Z" for child in children()
) < 6:
    pass
orphans.look()
assert len(children()) == 7, children()
orphans.look()
assert children() == {own}, children()
os.kill(own, signal.SIGKILL)
assert os.waitpid(own, 0) == (own, signal.SIGKILL)
"""
