"""Run the simulated home: `python -m sandbox.simulated_home --port N`."""

import argparse

from aiohttp import web

from .server import Home, create_app


def main() -> None:
    """Serve until stopped. Devices are added over HTTP."""
    parser = argparse.ArgumentParser(description="A simulated home for the demo and for tests.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    web.run_app(create_app(Home()), host=arguments.host, port=arguments.port, print=None)


if __name__ == "__main__":
    main()
