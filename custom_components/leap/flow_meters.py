"""Meters in the flows: found at Leap or typed in, offered, and turned into subentries."""

from collections.abc import Collection, Iterable, Mapping
import re
from typing import Any
from uuid import UUID

from homeassistant.config_entries import ConfigSubentryData
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import voluptuous as vol

from .api.client import LeapClient
from .api.models import Meter
from .const import CONF_METER_ID, CONF_METER_IDS, CONF_METER_TYPE, DOMAIN, MeterType, SubentryType
from .flow_access import MAX_LISTED, FlowError, async_list_meters

CONF_TAG = "tag"
CONF_REFERENCE = "partner_reference"
CONF_REGION = "transmission_region"

FILTER_SCHEMA = vol.Schema(
    {
        vol.Optional(CONF_TAG): TextSelector(),
        vol.Optional(CONF_REFERENCE): TextSelector(),
    }
)
IDS_SELECTOR = TextSelector(TextSelectorConfig(multiline=True))

_SEPARATORS = re.compile(r"[\s,;]+")
_TYPE_NAMES: Mapping[str, str] = {
    MeterType.UTILITY_METER: "Utility meter",
    MeterType.SUBMETER: "Submeter",
    MeterType.DEVICE: "Device",
}


@callback
def followed_meters(hass: HomeAssistant) -> set[str]:
    """Return the ids, in lower case, that any entry of this Home Assistant follows."""
    return {
        subentry.data[CONF_METER_ID].lower()
        for entry in hass.config_entries.async_entries(DOMAIN)
        for subentry in entry.get_subentries_of_type(SubentryType.METER)
    }


def parse_meter_ids(hass: HomeAssistant, text: str) -> list[str]:
    """Read ids typed in, in Leap's notation and without repetition; none may be followed already."""
    found: dict[str, None] = {}
    for word in filter(None, _SEPARATORS.split(text)):
        try:
            found[str(UUID(word))] = None
        except ValueError as err:
            raise FlowError("invalid_meter_id", CONF_METER_IDS) from err
    if not found:
        raise FlowError("invalid_meter_id", CONF_METER_IDS)
    if found.keys() & followed_meters(hass):
        raise FlowError("meter_followed", CONF_METER_IDS)
    return list(found)


def meter_title(meter_id: str, meter_type: str, reference: str | None = None) -> str:
    """Name a meter by what its partner calls it, else by its type and the beginning of its id."""
    return reference or f"{_TYPE_NAMES.get(meter_type, meter_type)} {meter_id[:8]}"


def typed_subentry(meter_id: str) -> ConfigSubentryData:
    """Follow a meter of which a relay tells the id alone."""
    return ConfigSubentryData(
        subentry_type=SubentryType.METER,
        title=meter_title(meter_id, MeterType.UTILITY_METER),
        unique_id=meter_id,
        data={CONF_METER_ID: meter_id, CONF_METER_TYPE: MeterType.UTILITY_METER.value},
    )


def meter_subentry(meter: Meter) -> ConfigSubentryData:
    """Follow a meter read from Leap."""
    data: dict[str, Any] = {CONF_METER_ID: meter.meter_id, CONF_METER_TYPE: meter.meter_type}
    if meter.transmission_region:
        data[CONF_REGION] = meter.transmission_region
    return ConfigSubentryData(
        subentry_type=SubentryType.METER,
        title=meter_title(meter.meter_id, meter.meter_type, meter.partner_reference),
        unique_id=meter.meter_id,
        data=data,
    )


def _label(meter: Meter) -> str:
    """Describe a meter in the list: searchable by each of its parts."""
    device = meter.device
    parts = (
        meter.partner_reference,
        " ".join(filter(None, (device.manufacturer, device.model))) if device else None,
        _TYPE_NAMES.get(meter.meter_type, meter.meter_type),
        ", ".join(meter.tags),
        meter.meter_id[:8],
    )
    return " · ".join(filter(None, parts))


class MeterPicker:
    """The meters one flow offers: those found at Leap that no entry follows."""

    def __init__(self, hass: HomeAssistant, client: LeapClient) -> None:
        """Begin with nothing found."""
        self._hass = hass
        self._client = client
        self._found: dict[str, Meter] = {}

    @property
    def count(self) -> int:
        """Return how many meters can be chosen."""
        return len(self._found)

    @property
    def placeholders(self) -> dict[str, str]:
        """Return what the texts of the forms mention."""
        return {"count": str(self.count), "limit": str(MAX_LISTED)}

    async def async_find(self, user_input: Mapping[str, Any]) -> None:
        """Search by tag and partner reference."""
        meters = await async_list_meters(
            self._client, user_input.get(CONF_TAG, "").strip(), user_input.get(CONF_REFERENCE, "").strip()
        )
        taken = followed_meters(self._hass)
        self._found = {meter.meter_id: meter for meter in meters if meter.meter_id.lower() not in taken}
        if not self._found:
            raise FlowError("all_followed" if meters else "no_meters")

    def schema(self) -> vol.Schema:
        """Offer what was found."""
        options = [SelectOptionDict(value=meter.meter_id, label=_label(meter)) for meter in self._found.values()]
        return vol.Schema({vol.Optional(CONF_METER_IDS, default=[]): _choice(options)})

    def choose(self, meter_ids: Iterable[str]) -> list[Meter]:
        """Return the chosen meters; another flow may have taken one meanwhile."""
        chosen = [self._found[meter_id] for meter_id in meter_ids]
        if not chosen:
            raise FlowError("none_chosen")
        if followed_meters(self._hass) & {meter.meter_id.lower() for meter in chosen}:
            raise FlowError("meter_followed", CONF_METER_IDS)
        return chosen


def _choice(options: Collection[SelectOptionDict]) -> SelectSelector:
    """Make a searchable list of which several can be chosen."""
    return SelectSelector(
        SelectSelectorConfig(
            options=list(options),
            multiple=True,
            custom_value=False,
            sort=True,
            mode=SelectSelectorMode.DROPDOWN,
        )
    )
