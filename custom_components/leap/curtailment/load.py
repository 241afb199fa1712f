"""A load as the home described it: one config subentry."""

from collections.abc import Mapping
from dataclasses import dataclass
import logging

from homeassistant.config_entries import ConfigSubentry

from ..const import CONF_ENTITIES, CONF_EXPECTED_KW, CONF_KIND, CONF_LIMITS, CONF_METER_IDS, CONF_RANK
from .loads import ADAPTERS, Limits

_LOGGER = logging.getLogger(__name__)

DEFAULT_RANK = 50


@dataclass(frozen=True, kw_only=True)
class Load:
    """One load: which entity, how far, for which meters."""

    load_id: str
    name: str
    kind: str
    meter_ids: frozenset[str]
    entities: Mapping[str, str]
    limits: Limits
    expected_kw: float | None = None
    rank: int = DEFAULT_RANK

    @property
    def registry_id(self) -> str:
        """Return the registry id of the entity that is commanded."""
        return self.entities[ADAPTERS[self.kind].role]


def read_load(subentry: ConfigSubentry) -> Load | None:
    """Return the load of a subentry; none if this version can't carry it."""
    data = subentry.data
    adapter = ADAPTERS.get(data[CONF_KIND])
    if adapter is None or adapter.role not in data[CONF_ENTITIES]:
        _LOGGER.warning("Load %s is of a kind this version does not know", subentry.title)
        return None
    return Load(
        load_id=subentry.subentry_id,
        name=subentry.title,
        kind=data[CONF_KIND],
        meter_ids=frozenset(data[CONF_METER_IDS]),
        entities=dict(data[CONF_ENTITIES]),
        limits=dict(data.get(CONF_LIMITS) or {}),
        expected_kw=data.get(CONF_EXPECTED_KW),
        rank=int(data.get(CONF_RANK, DEFAULT_RANK)),
    )
