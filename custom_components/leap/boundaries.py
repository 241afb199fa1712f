"""The instants at which an entry's events start and end, told once each."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import (
    async_track_point_in_utc_time,
    async_track_time_interval,
)
from homeassistant.util import dt as dt_util

from .announce import DispatchSignal, running
from .dispatch.decisions import Choice
from .dispatch.event import DispatchEvent, EventKey, Phase
from .dispatch.schedule import Schedule

TICK = timedelta(seconds=60)

type Tell = Callable[[DispatchSignal, DispatchEvent], None]


class Boundaries:
    """One timer for the next start or end, and one per minute in case the clock has jumped.

    An event is told to have started once, over restarts too; what began and ended while Home
    Assistant was down is not told at all.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        *,
        tell: Tell,
        reached: Callable[[], None],
        begun_changed: Callable[[Collection[EventKey]], None],
    ) -> None:
        """Prepare; `reached` is called at every boundary and tick."""
        self._hass = hass
        self._tell = tell
        self._reached = reached
        self._begun_changed = begun_changed
        self._begun: set[EventKey] = set()
        self._timer: CALLBACK_TYPE | None = None
        self._ticker: CALLBACK_TYPE | None = None

    def restore(self, begun: Collection[EventKey]) -> None:
        """Take over which starts an earlier run has told."""
        self._begun = set(begun)

    @callback
    def start(self, name: str) -> None:
        """Begin to tick."""
        self._ticker = async_track_time_interval(self._hass, self._fire, TICK, name=name, cancel_on_shutdown=True)

    @callback
    def stop(self) -> None:
        """Cancel both timers."""
        for cancel in (self._timer, self._ticker):
            if cancel is not None:
                cancel()
        self._timer = self._ticker = None

    @callback
    def evaluate(self, schedules: Collection[Schedule]) -> None:
        """Tell what has started and ended by now, and set the timer for what comes next."""
        now = dt_util.utcnow()
        current = running(schedules, now)
        begun = set(current)
        for key, event in current.items():
            if key not in self._begun:
                self._tell(DispatchSignal.STARTED, event)
        for schedule in schedules:
            for event in schedule.events:
                if event.key not in self._begun or event.key in current:
                    continue
                if event.phase(now) is Phase.ACTIVE:
                    begun.add(event.key)
                elif event.phase(now) is Phase.ENDED and schedule.choice(event) is Choice.JOIN:
                    self._tell(DispatchSignal.ENDED, event)
        if begun != self._begun:
            self._begun = begun
            self._begun_changed(begun)
        self._arm(schedules, now)

    def _arm(self, schedules: Collection[Schedule], now: datetime) -> None:
        """Set the timer to the next boundary of any meter."""
        if self._timer is not None:
            self._timer()
            self._timer = None
        changes = (schedule.next_change(now) for schedule in schedules)
        if upcoming := min((at for at in changes if at is not None), default=None):
            self._timer = async_track_point_in_utc_time(self._hass, self._fire, upcoming)

    @callback
    def _fire(self, _now: datetime) -> None:
        """Let the owner look at the clock."""
        self._reached()
