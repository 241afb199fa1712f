"""Ctrl-C and a kind kill stop a command in good order."""

import asyncio
from collections.abc import Coroutine
import signal
from typing import Any

from .output import say

INTERRUPTED = 130


async def until_stopped(work: Coroutine[Any, Any, int]) -> int:
    """Run to the end or until a signal comes; everything is cleaned up either way."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        say("\nStopped.")
        return INTERRUPTED
