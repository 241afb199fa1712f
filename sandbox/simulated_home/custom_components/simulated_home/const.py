"""Constants of the simulated home."""

from datetime import timedelta
from typing import Final

DOMAIN: Final = "simulated_home"
SCAN_INTERVAL: Final = timedelta(seconds=1)
