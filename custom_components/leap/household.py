"""What a household knows, decided and has switched: schedules over a ledger, and the user's word on them."""

from abc import abstractmethod
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
import logging
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.util import dt as dt_util

from .announce import DispatchSignal, concerned
from .const import (
    CONF_COMMUNICATION_TEST,
    CONF_METER_ID,
    CONF_VOLUNTARY_DEFAULT,
    DOMAIN,
    CommunicationTestMode,
    SubentryType,
)
from .dispatch.decisions import Choice, Decision, Policy
from .dispatch.event import DispatchEvent
from .dispatch.ledger import Change
from .dispatch.schedule import Schedule
from .home import Home
from .rehearsal import rehearsal
from .store import LeapStore

_LOGGER = logging.getLogger(__name__)

_NOTHING = Schedule((), (), Policy())


def signal_dispatch(entry_id: str) -> str:
    """Name the signal sent with (meter_id, DispatchSignal, event, choice or None)."""
    return f"{DOMAIN}_{entry_id}_dispatch"


def signal_subentries(entry_id: str) -> str:
    """Name the signal sent without arguments after meters or loads changed."""
    return f"{DOMAIN}_{entry_id}_subentries"


def meter_subentries(entry: ConfigEntry[Any]) -> dict[str, ConfigSubentry]:
    """Followed meters of an entry, by id."""
    return {subentry.data[CONF_METER_ID]: subentry for subentry in entry.get_subentries_of_type(SubentryType.METER)}


class Household(DataUpdateCoordinator[None]):
    """One entry's meters with their schedules, decisions and switches."""

    config_entry: ConfigEntry[Any]

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], store: LeapStore) -> None:
        """Begin with the entry's meters and nothing known."""
        super().__init__(hass, _LOGGER, config_entry=entry, name=entry.title)
        self.home = Home(store, entry.entry_id)
        self._subentries = meter_subentries(entry)
        self._schedules: dict[str, Schedule] = {}

    @property
    def meter_ids(self) -> frozenset[str]:
        """Return the followed meters."""
        return frozenset(self._subentries)

    def schedule(self, meter_id: str) -> Schedule:
        """Return what a meter does and when: nothing, if it is not followed."""
        return self._schedules.get(meter_id, _NOTHING)

    def automatic(self, meter_id: str) -> bool:
        """Tell whether the loads behind a meter answer by themselves."""
        return self.home.setting(f"automatic/{meter_id}") is not False

    def load_enabled(self, load_id: str) -> bool:
        """Tell whether a load takes part at all."""
        return self.home.setting(f"load_enabled/{load_id}") is not False

    async def async_decide(self, meter_id: str, choice: Choice, event_id: str | None = None) -> DispatchEvent:
        """Join or leave the named event, else all running ones, else the next; whoever joins joins with all loads."""
        now = dt_util.utcnow()
        events = concerned(self.schedule(meter_id), choice, event_id, now)
        if not events:
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_dispatch")
        await self._async_put_decisions(
            [Decision(meter_id=meter_id, event_id=event.event_id, choice=choice, decided_at=now) for event in events]
        )
        if choice is Choice.JOIN and any(event.start <= now for event in events):
            await self._async_put_decisions(self._loads_back(meter_id, now))
        said = {
            Choice.OPTED_OUT: DispatchSignal.OPTED_OUT,
            Choice.JOIN: DispatchSignal.OPTED_IN,
        }
        if signal := said.get(choice):
            for event in events:
                self._send(signal, event, choice)
        return events[0]

    async def async_rehearse(self, meter_id: str) -> DispatchEvent:
        """Have a meter's loads answer for some minutes, as if Leap had asked; Leap knows nothing of it."""
        now = dt_util.utcnow()
        if self.schedule(meter_id).active(now) is not None:
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="dispatch_running")
        event = rehearsal(meter_id, now)
        self.home.merge_push([event], received_at=now)
        changes: list[Change] = []
        try:
            changes = await self.home.async_keep()
        finally:
            self._act(changes)
        return event

    def _loads_back(self, meter_id: str, now: datetime) -> list[Decision]:
        """Return what was decided about the running chain, without the loads that sit it out."""
        known = (self.home.decisions.get(event.key) for event in self.schedule(meter_id).timeline.chain(now))
        return [replace(made, loads_out=frozenset(), decided_at=now) for made in known if made and made.loads_out]

    async def async_opt_out_load(self, meter_id: str, load_id: str) -> None:
        """Leave a load out of the unbroken chain of events that runs now."""
        await self._async_put_load(meter_id, load_id, out=True)

    async def async_opt_in_load(self, meter_id: str, load_id: str) -> None:
        """Let a load take part again in the chain of events that runs now."""
        await self._async_put_load(meter_id, load_id, out=False)

    async def _async_put_load(self, meter_id: str, load_id: str, *, out: bool) -> None:
        """Decide about one load for every event of the running chain."""
        now = dt_util.utcnow()
        made = []
        for event in self.schedule(meter_id).timeline.chain(now):
            known = self.home.decisions.get(event.key) or Decision(
                meter_id=meter_id, event_id=event.event_id, decided_at=now
            )
            loads = known.loads_out | {load_id} if out else known.loads_out - {load_id}
            if loads != known.loads_out:
                made.append(replace(known, loads_out=loads, decided_at=now))
        await self._async_put_decisions(made)

    async def _async_put_decisions(self, made: Collection[Decision]) -> None:
        """Put decisions into force, on disk or not: the user's word holds at once."""
        try:
            await self.home.async_decide(made)
        finally:
            self._act([])

    async def async_set_automatic(self, meter_id: str, on: bool) -> None:
        """Let the loads behind a meter answer by themselves, or not."""
        await self._async_set(f"automatic/{meter_id}", on)

    async def async_set_load_enabled(self, load_id: str, on: bool) -> None:
        """Let a load take part, or not."""
        await self._async_set(f"load_enabled/{load_id}", on)

    async def _async_set(self, name: str, on: bool) -> None:
        """Put a switch into force, on disk or not."""
        try:
            await self.home.async_set(name, on)
        finally:
            self._act([])

    def _meters_by_lower_id(self) -> dict[str, str]:
        """Map lower-case ids to the followed ones."""
        return {meter_id.lower(): meter_id for meter_id in self._subentries}

    @abstractmethod
    def _act(self, changes: list[Change]) -> None:
        """Resolve anew, tell the news, and let everyone look."""

    def _rebuild(self) -> None:
        """Resolve every meter's events and decisions."""
        respond = self.config_entry.options.get(CONF_COMMUNICATION_TEST)
        decisions = list(self.home.decisions.values())
        self._schedules = {
            meter_id: Schedule(
                self.home.ledger.events(meter_id),
                [made for made in decisions if made.meter_id == meter_id],
                Policy(
                    voluntary_default=Choice(subentry.data.get(CONF_VOLUNTARY_DEFAULT, Choice.JOIN)),
                    communication_tests=respond == CommunicationTestMode.RESPOND,
                ),
            )
            for meter_id, subentry in self._subentries.items()
        }

    def _tell(self, signal: DispatchSignal, event: DispatchEvent) -> None:
        """Send a signal about an event of the ledger."""
        self._send(signal, event, self.schedule(event.meter_id).choice(event))

    def _send(self, signal: DispatchSignal, event: DispatchEvent, choice: Choice | None) -> None:
        """Send a signal to the entry's platforms and triggers."""
        async_dispatcher_send(
            self.hass,
            signal_dispatch(self.config_entry.entry_id),
            event.meter_id,
            signal,
            event,
            choice,
        )
