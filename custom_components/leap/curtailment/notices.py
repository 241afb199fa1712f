"""What the home is told when a device can't be put back: repair issues and a notification."""

from typing import Final

from homeassistant.components import persistent_notification
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.translation import async_get_translations

from ..const import DOMAIN

ISSUE_AWAY: Final = "device_unavailable_restore"
ISSUE_FAILED: Final = "restore_failed"
ISSUE_OLD: Final = "old_undo"
NOTICE_GONE: Final = "device_gone"


class Notices:
    """The notices about one physical entity."""

    def __init__(self, hass: HomeAssistant, registry_id: str) -> None:
        """Name the entity."""
        self._hass = hass
        self._registry_id = registry_id

    @callback
    def raise_issue(self, key: str, placeholders: dict[str, str]) -> None:
        """Show an issue; the old one can be solved from its dialog."""
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            self._issue_id(key),
            is_fixable=key == ISSUE_OLD,
            severity=ir.IssueSeverity.WARNING if key == ISSUE_OLD else ir.IssueSeverity.ERROR,
            translation_key=key,
            translation_placeholders=placeholders,
            data={"registry_id": self._registry_id, **placeholders},
        )

    @callback
    def solve(self, *keys: str) -> None:
        """Take issues back, or all of them."""
        for key in keys or (ISSUE_AWAY, ISSUE_FAILED, ISSUE_OLD):
            ir.async_delete_issue(self._hass, DOMAIN, self._issue_id(key))

    async def async_notify_gone(self, placeholders: dict[str, str]) -> None:
        """Tell the former value of a device that is no more."""
        texts = await async_get_translations(self._hass, self._hass.config.language, "exceptions", {DOMAIN})
        persistent_notification.async_create(
            self._hass,
            texts[f"component.{DOMAIN}.exceptions.{NOTICE_GONE}.message"].format(**placeholders),
            "Leap",
            f"{DOMAIN}_{NOTICE_GONE}_{self._registry_id}",
        )

    def _issue_id(self, key: str) -> str:
        """Name the issue of this entity."""
        return f"{key}_{self._registry_id}"
