"""Where Leap posts dispatches to, and the two tests that make it post."""

from datetime import datetime
from enum import StrEnum
from typing import override

from msgspec import Struct
import msgspec.json

from .dispatches import Aware


class WebhookKind(StrEnum):
    """An account has one address for meters and one for market groups."""

    METER = "meter"
    GROUP = "group"


class Header(Struct, frozen=True):
    """A header Leap adds to each push; its value is a secret."""

    name: str
    value: str

    @override
    def __repr__(self) -> str:
        return f"Header(name={self.name!r}, value='**')"


class Webhook(Struct, frozen=True, kw_only=True):
    """The address of an account; it may hold a secret of its own, so its representation shows none of it."""

    url: str
    headers: tuple[Header, ...] = ()

    @override
    def __repr__(self) -> str:
        return f"Webhook(url='**', headers={self.headers!r})"


class _Webhook(Struct):
    """An address with or without headers."""

    url: str
    headers: tuple[Header, ...] | None = None


_WEBHOOK = msgspec.json.Decoder(_Webhook)


def decode_webhook(body: bytes) -> Webhook:
    """Read an account's address."""
    wire = _WEBHOOK.decode(body)
    return Webhook(url=wire.url, headers=wire.headers or ())


class IntegrationTestResult(Struct, frozen=True, kw_only=True):
    """What became of a notification of our own making; no status means no answer."""

    sent_time: Aware
    received_time: Aware | None = None
    http_status: int | None = None
    body: str | None = None
    error_message: str | None = None

    @property
    def delivered(self) -> bool:
        """Whether our address took it."""
        return self.http_status is not None and 200 <= self.http_status < 300


class CommunicationTest(Struct, frozen=True, kw_only=True):
    """A test event of Leap's making; not approved, it is a dry run that only tells what would happen."""

    start_time: datetime
    end_time: datetime
    program: str
    meter_ids: tuple[str, ...]
    capacity_test: bool = False
    dispatch_quantity_kw: float | None = None
    approved: bool = False


class CommunicationTestResult(Struct, frozen=True, kw_only=True):
    """What Leap makes of a communication test."""

    dispatch_status: str | None = None
    start_time: Aware | None = None
    end_time: Aware | None = None
    test_event: bool | None = None
    program: str | None = None
    approved: bool | None = None
    transmission_region: str | None = None
    market_type: str | None = None
    meter_count: int | None = None
