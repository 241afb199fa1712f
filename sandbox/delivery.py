"""Pushes: posted at once, and again each minute until taken or given up."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
import contextlib
from datetime import timedelta
from random import Random
from time import monotonic
from typing import Any
from uuid import UUID

import aiohttp
import msgspec.json

from .checks import InvalidError, read_moment
from .state import Attempt, Delivery, Event, SandboxState

TRIES = 50
INTERVAL = 60.0
TIMEOUT = 10.0
HEARTBEAT = 15 * 60.0
SECRET_HEADER = "x-leap-webhook-secret"


class Pusher:
    """Posts notifications to the account's addresses and to the relay's homes."""

    def __init__(self, state: SandboxState, session: aiohttp.ClientSession) -> None:
        """Post on behalf of a state, over a session of the caller's."""
        self._state = state
        self._session = session
        self._tasks: set[asyncio.Task[None]] = set()

    async def async_close(self) -> None:
        """Give up what is still under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def push_events(
        self, events: Sequence[Event], *, version: int = -1, copies: int = 1, foreign: int = 0
    ) -> list[Delivery]:
        """Announce events to whomever they concern; `foreign` adds as many meters of other homes to the account's push."""
        deliveries: list[Delivery] = []
        for tested in sorted({event.communication_test for event in events}):
            chosen = [event for event in events if event.communication_test is tested]
            for kind in ("meter", "group"):
                ours = [event for event in chosen if event.kind == kind]
                if ours and kind in self._state.webhooks:
                    body = notification(self._state, kind, ours, tested, version, foreign)
                    deliveries += [self.push_to_account(kind, body) for _ in range(copies)]
            deliveries += self._push_to_homes(chosen, tested, version, copies)
        return deliveries

    def _push_to_homes(self, events: Sequence[Event], tested: bool, version: int, copies: int) -> list[Delivery]:
        """Forward to each home of the relay what concerns its meters, and nothing else."""
        deliveries: list[Delivery] = []
        for name, home in self._state.homes.items():
            ours = [event for event in events if event.kind == "meter" and event.owner in home.meter_ids]
            if ours and home.webhook_url:
                body = notification(self._state, "meter", ours, tested, version)
                tries = max(TRIES, self._minutes_left(ours))
                deliveries += [self.push_to_home(name, body, tries) for _ in range(copies)]
        return deliveries

    def _minutes_left(self, events: Iterable[Event]) -> int:
        """Tell for how long a relay goes on trying: until the last of the events is over."""
        left = timedelta()
        for event in events:
            with contextlib.suppress(InvalidError):
                left = max(left, read_moment(event.slot.get("end_time"), "end_time") - self._state.clock())
        return int(left.total_seconds() // INTERVAL) + 1

    def push_to_account(self, kind: str, body: bytes) -> Delivery:
        """Post to the account's address, its headers in lower case."""
        webhook = self._state.webhooks[kind]
        headers = {header["name"].lower(): header["value"] for header in webhook.headers}
        return self._start(kind, webhook.url, headers, body, TRIES)

    def push_to_home(self, name: str, body: bytes, tries: int = TRIES) -> Delivery:
        """Post to a home of the relay."""
        home = self._state.homes[name]
        if not home.webhook_url:
            raise InvalidError(f"{name} has no webhook_url")
        return self._start(f"relay/{name}", home.webhook_url, {SECRET_HEADER: home.secret or ""}, body, tries)

    def _start(self, kind: str, url: str, headers: dict[str, str], body: bytes, tries: int) -> Delivery:
        """Begin to deliver."""
        state = self._state
        delivery = Delivery(
            number=state.number(), kind=kind, url=url, headers=headers, body=body.decode(), created=state.clock()
        )
        state.deliveries.append(delivery)
        task = asyncio.create_task(self._deliver(delivery, body, tries))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return delivery

    async def _deliver(self, delivery: Delivery, body: bytes, tries: int) -> None:
        """Try until taken or given up."""
        for attempt in range(tries):
            if attempt:
                await self._state.sleep(INTERVAL / self._state.speed)
            result, _ = await self.async_post(delivery.url, delivery.headers, body)
            delivery.attempts.append(result)
            if result.status is not None and 200 <= result.status < 300:
                delivery.state = "delivered"
                return
        delivery.state = "lost"

    async def async_post(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[Attempt, str | None]:
        """Post once; return how it went, and what the receiver said."""
        attempt = Attempt(at=self._state.clock())
        if self._state.outage:
            attempt.error = "outage"
            return attempt, None
        begun = monotonic()
        text = None
        try:
            async with self._session.post(
                url,
                data=body,
                headers={"content-type": "application/json", **headers},
                timeout=aiohttp.ClientTimeout(total=TIMEOUT),
                allow_redirects=False,
            ) as response:
                attempt.status = response.status
                text = await response.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError, ValueError) as err:
            attempt.error = f"{type(err).__name__}: {err}"
        attempt.seconds = monotonic() - begun
        return attempt, text

    async def async_beat(self) -> None:
        """Tell the relay's homes each 15 minutes that it is there."""
        while True:
            await self._state.sleep(HEARTBEAT / self._state.speed)
            for name, home in list(self._state.homes.items()):
                if home.webhook_url:
                    self.push_to_home(name, notification(self._state, "meter", [], False), tries=1)


def notification(
    state: SandboxState, kind: str, events: Iterable[Event], tested: bool, version: int = -1, foreign: int = 0
) -> bytes:
    """Write the body of a push; `foreign` meters of other homes surround ours."""
    by_owner: dict[str, list[Event]] = {}
    for event in events:
        by_owner.setdefault(event.owner, []).append(event)
    write = _meter if kind == "meter" else _group
    dispatches = [write(state, owner, held, version) for owner, held in by_owner.items()]
    others = _foreign(dispatches[0]["timeslots"], foreign) if dispatches and kind == "meter" else []
    half = len(others) // 2
    return msgspec.json.encode(
        {
            "integration_test_notification": False,
            "communication_test": tested,
            f"{kind}_dispatches": [*others[:half], *dispatches, *others[half:]],
        }
    )


def _version(event: Event, version: int) -> dict[str, Any]:
    """Return a version of a timeslot, the oldest if there are not so many."""
    return event.slot_as_sent(max(version, -len(event.versions)) if version < 0 else version)


def _meter(state: SandboxState, owner: str, events: Iterable[Event], version: int) -> dict[str, Any]:
    """Write one meter of a push."""
    references = state.references([owner])
    return {
        "meter_id": owner,
        **({"partner_reference": references[0]} if references else {}),
        "timeslots": [_version(event, version) for event in events],
    }


def _group(state: SandboxState, owner: str, events: Sequence[Event], version: int) -> dict[str, Any]:
    """Write one market group of a push."""
    members = list(dict.fromkeys(meter_id for event in events for meter_id in event.meter_ids))
    return {
        "market_group_id": owner,
        "meter_ids": members,
        "partner_references": state.references(members),
        "timeslots": [_version(event, version) for event in events],
    }


def _foreign(timeslots: Sequence[Mapping[str, Any]], count: int) -> list[dict[str, Any]]:
    """Make up meters of other homes with four timeslots like ours each."""
    random = Random(count)
    model = timeslots[0]
    return [
        {
            "meter_id": str(UUID(int=random.getrandbits(128), version=4)),
            "partner_reference": f"other-home-{number:05}",
            "timeslots": [
                {**model, "meter_event_id": str(UUID(int=random.getrandbits(128), version=4))} for _ in range(4)
            ],
        }
        for number in range(count)
    ]
