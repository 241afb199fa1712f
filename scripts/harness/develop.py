"""Home Assistant with the integration, a sandbox of Leap and two simulated thermostats, left running."""

import argparse
import asyncio
from pathlib import Path
import sys
from tempfile import TemporaryDirectory

from .output import say, step
from .stopping import until_stopped
from .world import invite, running_world, set_up_integration


async def run(folder: Path, *, bare: bool) -> int:
    """Set everything up, then wait for Ctrl-C."""
    async with running_world(folder, link=True) as world:
        if not bare:
            with step("Setting the integration up: API key, two meters, a thermostat behind each"):
                await set_up_integration(world)
        invite(world)
        say(
            "The integration is linked into that folder: after a change of its code, restart Home Assistant in its settings."
        )
        await world.home_assistant.keep_running()
    return 0


def main() -> int:
    """Run until stopped."""
    parser = argparse.ArgumentParser(prog="scripts/develop", description=__doc__)
    parser.add_argument("--bare", action="store_true", help="leave the integration for you to set up")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="leap-develop-", ignore_cleanup_errors=True) as folder:
        return asyncio.run(until_stopped(run(Path(folder), bare=arguments.bare)))


if __name__ == "__main__":
    sys.exit(main())
