"""A real Home Assistant in a folder of its own, started, stopped and killed like any process."""

import asyncio
from collections.abc import Iterable
from importlib.util import find_spec
import json
from pathlib import Path
import shutil
import sys
from time import monotonic
from typing import Any

import aiohttp
from homeassistant.const import RESTART_EXIT_CODE

from .output import step
from .processes import ManagedProcess, ProcessError

# Neither default_config nor anything that looks for devices or talks to the internet.
BASE_CONFIGURATION = """\
homeassistant:
  name: {name}
  unit_system: metric
  currency: USD
  country: US
  language: en
  time_zone: America/Los_Angeles
  latitude: 37.77
  longitude: -122.42
  external_url: https://home.example.com
config:
frontend:
history:
logbook:
recorder:
"""
LOGGING = """\
logger:
  default: warning
  logs:
    custom_components.leap: debug
"""
# Sound libraries of Assist, some without wheels; nobody speaks to this Home Assistant.
_SOUND_LIBRARIES = ("pymicro_vad", "pyspeex_noise")
_STAND_IN = """\
def __getattr__(name):
    return type(name, (), {})
"""
_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")
_READY_WITHIN = 120.0


class HomeAssistant:
    """One Home Assistant, listening on 127.0.0.1 alone."""

    def __init__(self, folder: Path, port: int) -> None:
        """Prepare the process; `install` prepares its folder."""
        self.folder = folder
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "homeassistant", "--config", str(folder), "--skip-pip"]
        self._process = ManagedProcess(
            "Home Assistant",
            [*command, "--log-no-color"],
            log=folder / "output.log",
            cwd=folder,
        )

    def install(
        self,
        components: Iterable[Path],
        *,
        configuration: str = "",
        name: str = "Home",
        link: bool = False,
    ) -> None:
        """Write the configuration and put custom components (copied or linked) into the folder."""
        target = self.folder / "custom_components"
        target.mkdir(parents=True, exist_ok=True)
        for component in components:
            if link:
                (target / component.name).symlink_to(component, target_is_directory=True)
            else:
                shutil.copytree(component, target / component.name, ignore=_IGNORED)
        text = BASE_CONFIGURATION.format(name=name) + configuration
        (self.folder / "configuration.yaml").write_text(text)
        for library in _SOUND_LIBRARIES:
            if find_spec(library) is None:
                (self.folder / f"{library}.py").write_text(_STAND_IN)
        self._store("http", _http_storage(self.port), version=2, minor_version=2)
        # All but the user: finishing the other steps over the API would set up integrations that
        # need the internet.
        done = {"done": ["core_config", "analytics", "integration"]}
        self._store("onboarding", done, version=4)

    def _store(self, key: str, data: dict[str, Any], *, version: int, minor_version: int = 1) -> None:
        """Write a file of Home Assistant's own storage."""
        folder = self.folder / ".storage"
        folder.mkdir(exist_ok=True)
        content = {"version": version, "minor_version": minor_version, "key": key, "data": data}
        (folder / key).write_text(json.dumps(content, indent=2))

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process.running

    async def start(self) -> None:
        """Start and wait until it answers."""
        await self._process.start()
        give_up = monotonic() + _READY_WITHIN
        async with aiohttp.ClientSession() as session:
            while not await _answers(session, f"{self.url}/manifest.json"):
                self._process.check()
                if monotonic() > give_up:
                    raise ProcessError(f"Home Assistant did not answer; see {self._process.log}")
                await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """Shut down as Home Assistant would like to be."""
        await self._process.stop(within=60)

    async def keep_running(self) -> None:
        """Start again whenever its settings ask for a restart; an end of any other kind is an error."""
        while await self._process.wait() == RESTART_EXIT_CODE:
            with step("Home Assistant was asked to restart: starting it again"):
                await self.start()
        self._process.check()

    async def kill(self) -> None:
        """Kill -9, as a power cut would."""
        await self._process.kill()

    @property
    def log(self) -> str:
        """What Home Assistant logged."""
        log = self.folder / "home-assistant.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def complaints(self, name: str) -> list[str]:
        """Return the warnings and errors a logger wrote."""
        marks = (f" WARNING (MainThread) [{name}", f" ERROR (MainThread) [{name}")
        return [line for line in self.log.splitlines() if any(mark in line for mark in marks)]


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=2)) as response:
            return response.status == 200
    except aiohttp.ClientError, TimeoutError:
        return False


def _http_storage(port: int) -> dict[str, Any]:
    """Return a confirmed HTTP configuration: one out of YAML would be on trial, and reverted."""
    return {
        "stable": {
            "server_host": ["127.0.0.1"],
            "server_port": port,
            "cors_allowed_origins": ["https://cast.home-assistant.io"],
            "login_attempts_threshold": -1,
            "ip_ban_enabled": True,
            "ssl_profile": "modern",
            "use_x_frame_options": True,
            "created_at": "2026-01-01T00:00:00+00:00",
            "error": None,
            "error_message": None,
        },
        "pending": None,
        "yaml_migration_done": True,
    }
