"""Run the sandbox: `python -m sandbox`."""

import argparse
import asyncio
import json
from pathlib import Path
import signal

from aiohttp import web

from .seed import FIRST_METER
from .server import create_app
from .state import FULL_KEY, SandboxState


def main() -> None:
    """Read the command line and serve until stopped."""
    parser = argparse.ArgumentParser(prog="sandbox", description="A stand-in for Leap, on this machine.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--state-dir", type=Path, help="keep the account over restarts")
    parser.add_argument("--speed", type=float, default=1.0, help="how many times faster pushes are repeated")
    parser.add_argument("--meters", type=int, default=1200)
    options = parser.parse_args()
    if options.speed <= 0 or options.meters < 1:
        parser.error("--speed and --meters are more than nothing")
    state = SandboxState(meters=options.meters, state_dir=options.state_dir, speed=options.speed)
    state.heartbeats = True
    asyncio.run(_serve(state, options.host, options.port))


async def _serve(state: SandboxState, host: str, port: int) -> None:
    """Serve, and tell the address in one line of JSON as soon as it answers."""
    runner = web.AppRunner(create_app(state), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    bound = runner.addresses[0][1]
    url = f"http://{host}:{bound}"
    print(json.dumps({"url": url, "control": f"{url}/control", "key": FULL_KEY, "meter": FIRST_METER}), flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    main()
