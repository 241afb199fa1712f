"""The body of a push: ours is read, other homes' meters are skipped undecoded."""

from collections.abc import Collection, Iterator, Mapping

from msgspec import DecodeError, Raw, Struct, ValidationError
import msgspec.json

from .dispatches import MeterDispatch, decode_slots, merge_meters

_ABSENT = Raw(b"null")


class NotificationError(ValueError):
    """A body that is no notification of Leap's."""


class Notification(Struct, frozen=True, kw_only=True):
    """What a push says about our meters; `foreign` counts the meters of others, `malformed` what could not be read."""

    integration_test: bool
    meters: tuple[MeterDispatch, ...]
    group_meter_ids: frozenset[str]
    malformed: int
    foreign: int


class _Meter(Struct, gc=False):
    """A meter of a push, with all but its id left as it came."""

    meter_id: str
    timeslots: Raw = _ABSENT
    partner_reference: Raw = _ABSENT


class _Group(Struct, gc=False):
    """A group of a push: its kW are not the home's, so only its members matter."""

    meter_ids: list[str]


class _Body(Struct, gc=False):
    """A push as it should be."""

    integration_test_notification: bool | None = None
    communication_test: bool | None = None
    is_communication_test: bool | None = None
    meter_dispatches: list[_Meter] | None = None
    group_dispatches: list[_Group] | None = None


class _LooseBody(Struct, gc=False):
    """A push of which some meter or group can't be read."""

    integration_test_notification: bool | None = None
    communication_test: bool | None = None
    is_communication_test: bool | None = None
    meter_dispatches: list[Raw] | None = None
    group_dispatches: list[Raw] | None = None


_BODY = msgspec.json.Decoder(_Body)
_LOOSE_BODY = msgspec.json.Decoder(_LooseBody)
_METER = msgspec.json.Decoder(_Meter)
_GROUP = msgspec.json.Decoder(_Group)
_TEXT = msgspec.json.Decoder(str | None)


def decode_notification(body: bytes | str, meter_ids: Collection[str]) -> Notification:
    """Read a push for the followed meters; ids are compared in lower case and come back as the caller spells them."""
    try:
        parsed, malformed = _decode_body(body)
    except (DecodeError, UnicodeError, RecursionError) as err:
        raise NotificationError("The body is no notification") from err
    if parsed.meter_dispatches is None and parsed.group_dispatches is None:
        raise NotificationError("The body has neither meter nor group dispatches")
    followed = {meter_id.lower(): meter_id for meter_id in meter_ids}
    sent = parsed.meter_dispatches or []
    ours = [(spelled, meter) for meter in sent if (spelled := followed.get(meter.meter_id.lower())) is not None]
    tested = bool(parsed.communication_test or parsed.is_communication_test)
    meters = tuple(merge_meters(_read(spelled, meter, tested) for spelled, meter in ours))
    return Notification(
        integration_test=bool(parsed.integration_test_notification),
        meters=meters,
        group_meter_ids=frozenset(_members(parsed.group_dispatches or [], followed)),
        malformed=malformed + sum(meter.malformed for meter in meters),
        foreign=len(sent) - len(ours),
    )


def _read(meter_id: str, meter: _Meter, communication_test: bool) -> MeterDispatch:
    """Read one of our meters."""
    slots, malformed = decode_slots(meter.timeslots, communication_test=communication_test)
    try:
        reference = _TEXT.decode(meter.partner_reference)
    except DecodeError, UnicodeDecodeError:
        reference = None
    return MeterDispatch(meter_id=meter_id, partner_reference=reference, timeslots=slots, malformed=malformed)


def _members(groups: list[_Group], followed: Mapping[str, str]) -> Iterator[str]:
    """Name those of our meters that a group holds."""
    for group in groups:
        for member in group.meter_ids:
            if (spelled := followed.get(member.lower())) is not None:
                yield spelled


def _decode_body(body: bytes | str) -> tuple[_Body, int]:
    """Read a body at once, and piece by piece only if some piece is broken; count the broken ones."""
    try:
        return _BODY.decode(body), 0
    except ValidationError:
        loose = _LOOSE_BODY.decode(body)
    meters, lost_meters = _decode_each(_METER, loose.meter_dispatches)
    groups, lost_groups = _decode_each(_GROUP, loose.group_dispatches)
    parsed = _Body(
        loose.integration_test_notification, loose.communication_test, loose.is_communication_test, meters, groups
    )
    return parsed, lost_meters + lost_groups


def _decode_each[T](decoder: msgspec.json.Decoder[T], items: list[Raw] | None) -> tuple[list[T] | None, int]:
    """Read what can be read of a list, and count the rest."""
    if items is None:
        return None, 0
    read: list[T] = []
    for item in items:
        try:
            read.append(decoder.decode(item))
        except DecodeError, UnicodeDecodeError:
            continue
    return read, len(items) - len(read)
