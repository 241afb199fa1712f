"""The sandbox's levers for the command line: `python -m sandbox.cli`."""

import argparse
import asyncio
import json
import sys
from typing import Any

import aiohttp

from .client import ControlClient, ControlError


def _value(text: str) -> Any:
    """Read a value: JSON where it is JSON, else plain text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _pair(text: str) -> tuple[str, Any]:
    """Read NAME=VALUE."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError("not NAME=VALUE")
    return name.replace("-", "_"), _value(value)


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="sandbox.cli",
        description="Plays Leap. Fields are NAME=VALUE, VALUE in JSON or plain; sandbox/README.md lists them.",
    )
    parser.add_argument("--url", required=True, help="where the sandbox is")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, argument, text in (
        ("account", None, "show the account"),
        ("list", None, "show all events"),
        ("meters", None, "show meters; fields: limit, meter_type, transmission_region, tag"),
        ("create", "meter_ids", "make an event; fields: start_in, duration, energy_kw, deliver, ..."),
        ("update", "event_id", "change an event; fields: end_in, energy_kw, deliver, ..."),
        ("cancel", "event_id", "call an event off; fields: deliver"),
        ("push", None, "push once more; fields: event_ids, version, copies, foreign, body"),
        ("pushes", None, "show each try to deliver a push"),
        ("log", None, "show every request received; fields: path, since"),
        ("fault", "path", "have requests go wrong; fields: status, delay, drop, times, method, headers, body"),
        ("faults", None, "show the faults to come"),
        ("clear", None, "clear all faults"),
        ("outage", "on", "cut (on) or mend (off) the way of pushes"),
        ("key", "key", "make or change a key; fields: permissions, revoked"),
        ("webhook", "address", "register an address of somebody else; fields: kind"),
        ("relay", "home", "serve a home; fields: token, meter_ids, webhook_url, secret"),
        ("heartbeat", "home", "have the relay show a home that it is there"),
        ("reset", None, "begin anew"),
    ):
        command = commands.add_parser(name, help=text)
        if argument:
            command.add_argument("subject", metavar=argument)
        command.add_argument("fields", nargs="*", type=_pair, metavar="NAME=VALUE")
    return parser


async def _work(client: ControlClient, command: str, subject: str, fields: dict[str, Any]) -> object:
    """Work the lever a command names."""
    match command:
        case "create":
            return await client.create(subject.split(","), **fields)
        case "list":
            return await client.events()
        case "clear":
            await client.clear_faults()
            return None
        case "outage":
            await client.outage(subject == "on")
            return None
        case "webhook":
            await client.set_webhook(subject, **fields)
            return None
        case _:
            return await getattr(client, command)(*([subject] if subject else []), **fields)


async def run(arguments: list[str] | None = None) -> int:
    """Read the command line, do it, print the answer."""
    options = _parser().parse_args(arguments)
    async with ControlClient(options.url) as client:
        try:
            answer = await _work(client, options.command, getattr(options, "subject", ""), dict(options.fields))
        except (ControlError, aiohttp.ClientError, TypeError) as err:
            print(f"{options.command}: {err}", file=sys.stderr)
            return 1
    if answer is not None:
        print(json.dumps(answer, indent=2))
    return 0


def main() -> None:
    """Run one command."""
    sys.exit(asyncio.run(run()))


if __name__ == "__main__":
    main()
