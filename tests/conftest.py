"""What every test shares."""

from importlib.machinery import ModuleSpec
from importlib.util import find_spec
import sys
from types import ModuleType

import pytest
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion

import custom_components.leap  # noqa: F401  (else the test package's own custom_components is found first)

for _module, _name in (("pymicro_vad", "MicroVad"), ("pyspeex_noise", "AudioProcessor")):
    if not find_spec(_module):  # Home Assistant's cloud imports these two, which need a C compiler; no test speaks
        sys.modules[_module] = _voice = ModuleType(_module)
        _voice.__spec__ = ModuleSpec(_module, None)
        setattr(_voice, _name, object)


@pytest.fixture(autouse=True)
def auto_enable_custom_integrations(request: pytest.FixtureRequest) -> None:
    """Let Home Assistant load the integration, where a test has a Home Assistant; the recorder must come before it."""
    if "hass" not in request.fixturenames:
        return
    if "recorder_mock" in request.fixturenames:
        request.getfixturevalue("recorder_mock")
    request.getfixturevalue("enable_custom_integrations")


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Give each Home Assistant a folder of its own, since the store is a real file."""
    return hass_tmp_config_dir


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Keep snapshots beside the tests, in Home Assistant's own notation."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)
