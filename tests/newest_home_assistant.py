"""Lets pytest-homeassistant-custom-component 0.13.375 run on Home Assistant 2026.11, loaded early with `-p`.

Home Assistant must be imported before respx, so that it can put its own httpx in place, and one private name that
the plugin patches is gone. To be dropped as soon as the plugin has a release for that version.
"""

import homeassistant  # noqa: F401, I001  (before everything else)

from homeassistant.components import logger

if not hasattr(logger, "_clear_logger_overwrites"):

    def _no_overwrites(_hass: object) -> None:
        """Stand in for a function the newer Home Assistant no longer needs."""

    setattr(logger, "_clear_logger_overwrites", _no_overwrites)  # noqa: B010
