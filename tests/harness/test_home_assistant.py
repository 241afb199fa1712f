"""The folder of a Home Assistant the harness starts."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

from homeassistant.const import RESTART_EXIT_CODE
import pytest

from scripts.harness.home_assistant import HomeAssistant
from scripts.harness.processes import ProcessError


@pytest.fixture
def component(tmp_path: Path) -> Path:
    folder = tmp_path / "source/some_component"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    return folder


def stored(folder: Path, key: str) -> dict[str, Any]:
    """Read a file of Home Assistant's storage."""
    content: dict[str, Any] = json.loads((folder / ".storage" / key).read_text())
    return content


def test_it_listens_on_this_machine_alone_and_on_no_trial(tmp_path: Path, component: Path) -> None:
    home = HomeAssistant(tmp_path / "home", 18123)
    home.install([component], configuration="some_component:\n")
    http = stored(home.folder, "http")["data"]
    assert (http["stable"]["server_host"], http["stable"]["server_port"]) == (["127.0.0.1"], 18123)
    assert http["pending"] is None
    assert http["yaml_migration_done"] is True
    assert home.url == "http://127.0.0.1:18123"


def test_only_the_owner_is_left_to_be_created(tmp_path: Path, component: Path) -> None:
    home = HomeAssistant(tmp_path / "home", 18123)
    home.install([component])
    assert "user" not in stored(home.folder, "onboarding")["data"]["done"]


@pytest.mark.parametrize("link", [False, True])
def test_components_are_copied_clean_or_linked(tmp_path: Path, component: Path, link: bool) -> None:
    home = HomeAssistant(tmp_path / "home", 18123)
    home.install([component], configuration="some_component:\n  url: x\n", link=link)
    installed = home.folder / "custom_components/some_component"
    assert installed.is_symlink() is link
    assert (installed / "manifest.json").read_text() == "{}"
    assert (installed / "__pycache__").exists() is link
    assert "some_component:\n  url: x\n" in (home.folder / "configuration.yaml").read_text()


class Ending:
    """A process that ends again and again, each time with another status."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)

    async def wait(self) -> int:
        return self.statuses.pop(0)

    def check(self) -> None:
        raise ProcessError("ended")


async def test_a_restart_asked_for_in_its_settings_is_carried_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = HomeAssistant(tmp_path / "home", 18123)
    ending, started = Ending(RESTART_EXIT_CODE, RESTART_EXIT_CODE, 1), AsyncMock()
    monkeypatch.setattr(home, "_process", ending)
    monkeypatch.setattr(home, "start", started)
    with pytest.raises(ProcessError):
        await home.keep_running()
    assert started.await_count == 2
    assert not ending.statuses
    assert "starting it again" in capsys.readouterr().out
