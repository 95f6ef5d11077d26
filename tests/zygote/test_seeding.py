"""What forks draw: never what another has drawn, unless its author has chosen that."""

import asyncio
import os
import signal
from dataclasses import replace

from service.processes.front.child import Child
from service.zygote.front.handle import Zygote
from tests.processes.orders import COMMAND, SECONDS, Lines, parent_of, told
from tests.support.waiting import until

ROLE = "tests.zygote.drawing"


async def drawing(zygote: Zygote) -> Child:
    """A child that has drawn nothing yet."""
    return await zygote.fork(ROLE, 1000, Lines())


async def test_w2_forks_share_no_draw_also_of_a_zygote_that_took_over() -> None:
    """Two children of the zygote, and two of the spare; what was seeded on purpose stays so."""
    zygote = Zygote(replace(COMMAND, roles=(ROLE,)))
    first, second = await drawing(zygote), await drawing(zygote)
    draws = [await told(first), await told(second)]
    await until(lambda: zygote._spare, SECONDS, "there is a spare")
    os.kill(parent_of(first), signal.SIGKILL)
    async with asyncio.timeout(SECONDS):
        await first.exited
    draws += [await told(await drawing(zygote)) for _ in range(2)]
    await zygote.close()
    for kind in draws[0]:
        different = len({drawn[kind] for drawn in draws})
        assert different == (1 if kind.startswith("chosen") else len(draws)), kind
