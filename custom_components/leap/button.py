"""Buttons: the home's word on an event, and a test of the push."""

from dataclasses import dataclass
from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import CONF_MODE, DOMAIN, Mode, SubentryType
from .coordinator import LeapConfigEntry
from .dispatch.decisions import Choice
from .entity import LeapAccountEntity, LeapMeterEntity, async_add_subentry_entities

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class DecisionButtonDescription(ButtonEntityDescription):
    """What a button decides about the running event, else the next."""

    choice: Choice


DECISION_BUTTONS: tuple[DecisionButtonDescription, ...] = (
    DecisionButtonDescription(key="opt_out", translation_key="opt_out", choice=Choice.OPTED_OUT),
    DecisionButtonDescription(key="opt_in", translation_key="opt_in", choice=Choice.JOIN),
)
REHEARSE = ButtonEntityDescription(key="rehearse", translation_key="rehearse")
SEND_TEST = ButtonEntityDescription(
    key="send_test_dispatch",
    translation_key="send_test_dispatch",
    entity_category=EntityCategory.DIAGNOSTIC,
)


async def async_setup_entry(
    hass: HomeAssistant, entry: LeapConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the buttons of account and meters; only an account can ask Leap for a test."""

    def of_meter(subentry: ConfigSubentry) -> list[ButtonEntity]:
        return [
            *(DecisionButton(entry, subentry, description) for description in DECISION_BUTTONS),
            RehearseButton(entry, subentry, REHEARSE),
        ]

    async_add_subentry_entities(hass, entry, async_add_entities, {SubentryType.METER: of_meter})
    if entry.data[CONF_MODE] != Mode.RELAY:
        async_add_entities([SendTestButton(entry, SEND_TEST)])


class DecisionButton(LeapMeterEntity, ButtonEntity):
    """Decide about the running event, else the next."""

    entity_description: DecisionButtonDescription

    @override
    async def async_press(self) -> None:
        """Decide."""
        await self.coordinator.async_decide(self.meter_id, self.entity_description.choice)


class RehearseButton(LeapMeterEntity, ButtonEntity):
    """Play a short dispatch through, without Leap."""

    @override
    async def async_press(self) -> None:
        """Begin; opting out ends it."""
        await self.coordinator.async_rehearse(self.meter_id)


class SendTestButton(LeapAccountEntity, ButtonEntity):
    """Have Leap send a test through the registered address; nothing is moved."""

    @override
    async def async_press(self) -> None:
        """Send it, and say if it got lost."""
        result = await self.runtime.push.async_send_test()
        if not result.delivered:
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="test_not_delivered")
