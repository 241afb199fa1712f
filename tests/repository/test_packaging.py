"""Manifest, HACS, quality scale, brand, pins."""

from pathlib import Path
import re
import struct
import tomllib
from typing import Any

import pytest
import yaml

from .source import LEAP, ROOT, load, tracked_files

HACS_KEYS = {
    "name",
    "content_in_root",
    "country",
    "filename",
    "hacs",
    "hide_default_branch",
    "homeassistant",
    "persistent_directory",
    "render_readme",
    "zip_release",
}
MANIFEST_KEYS = {
    "domain",
    "name",
    "codeowners",
    "config_flow",
    "documentation",
    "integration_type",
    "iot_class",
    "issue_tracker",
    "requirements",
    "version",
}
QUALITY_RULES = set(
    """
    action-setup appropriate-polling brands common-modules config-flow-test-coverage config-flow
    dependency-transparency docs-actions docs-triggers docs-conditions docs-high-level-description
    docs-installation-instructions docs-removal-instructions entity-event-setup entity-unique-id has-entity-name
    runtime-data test-before-configure test-before-setup unique-config-entry

    action-exceptions config-entry-unloading docs-configuration-parameters docs-installation-parameters
    entity-unavailable integration-owner log-when-unavailable parallel-updates reauthentication-flow test-coverage

    devices diagnostics discovery-update-info discovery docs-data-update docs-examples docs-known-limitations
    docs-supported-devices docs-supported-functions docs-troubleshooting docs-use-cases dynamic-devices
    entity-category entity-device-class entity-disabled-by-default entity-translations exception-translations
    icon-translations reconfiguration-flow repair-issues stale-devices

    async-dependency inject-websession strict-typing
    """.split()
)


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return load(LEAP / "manifest.json")


def test_manifest_keys_are_complete_and_in_hassfests_order(manifest: dict[str, Any]) -> None:
    keys = list(manifest)
    assert set(keys) >= MANIFEST_KEYS
    assert keys == ["domain", "name", *sorted(key for key in keys if key not in {"domain", "name"})]
    assert manifest["domain"] == LEAP.name
    assert not {"categories", "connectivity"} & set(keys), "unknown to the oldest supported hassfest"


@pytest.mark.parametrize("version", ["2026.10.4", "2026.11.0"])
def test_requirements_are_pinned_to_the_versions_tested(manifest: dict[str, Any], version: str) -> None:
    pins = (ROOT / "requirements" / f"test-{version}.txt").read_text(encoding="utf-8").split()
    for requirement in manifest["requirements"]:
        assert "==" in requirement
        assert requirement in pins
    assert f"homeassistant=={version}" in pins


def test_versions_agree(manifest: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert manifest["version"] == project["version"]
    assert f"## {manifest['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_hacs_accepts_the_repository() -> None:
    hacs = load(ROOT / "hacs.json")
    assert hacs["name"] == "Leap"
    assert set(hacs) <= HACS_KEYS
    assert not hacs.get("zip_release") or hacs["filename"].endswith(".zip")
    assert [path.name for path in (ROOT / "custom_components").iterdir() if (path / "manifest.json").exists()] == [
        "leap"
    ]
    assert (ROOT / "README.md").stat().st_size > 1000
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_quality_scale_lists_every_rule_and_only_those() -> None:
    rules = yaml.safe_load((LEAP / "quality_scale.yaml").read_text(encoding="utf-8"))["rules"]
    assert len(QUALITY_RULES) == 54
    assert set(rules) == QUALITY_RULES
    for rule, status in rules.items():
        if isinstance(status, dict):
            assert status["status"] in {"exempt", "todo", "done"}, rule
            assert status["status"] != "exempt" or status["comment"], rule
        else:
            assert status in {"todo", "done"}, rule


@pytest.mark.parametrize("theme", ["", "dark_"])
@pytest.mark.parametrize(("resolution", "factor"), [("", 1), ("@2x", 2)])
def test_brand_images_have_the_sizes_home_assistant_wants(theme: str, resolution: str, factor: int) -> None:
    assert png_size(LEAP / "brand" / f"{theme}icon{resolution}.png") == (256 * factor, 256 * factor)
    width, height = png_size(LEAP / "brand" / f"{theme}logo{resolution}.png")
    assert 128 * factor <= min(width, height) <= 256 * factor


def png_size(path: Path) -> tuple[int, int]:
    """Read width and height out of a PNG's header."""
    header = path.read_bytes()[:24]
    assert header.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", header[16:])
    return width, height


def test_no_file_names_a_package_index_or_a_machine() -> None:
    hosts = ["pypi" + ".org", "pythonhosted" + ".org", "deb.debian" + ".org", "npmjs" + ".org", "npmjs" + ".com"]
    folders = ["work", "root", "tmp", "opt/py314"]
    pattern = re.compile(
        "|".join([*map(re.escape, hosts), *(rf"(?<![\w.\-:}}])/{folder}/\w" for folder in folders)]), re.IGNORECASE
    )
    guilty = []
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        guilty += [f"{path.relative_to(ROOT)}: {match.group()}" for match in pattern.finditer(text)]
    assert not guilty


def test_pins_have_hashes_and_no_addresses() -> None:
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    assert len(locks) >= 4
    for path in locks:
        text = path.read_text(encoding="utf-8")
        assert "://" not in text, path.name
        blocks = [block for block in re.split(r"\n(?=\S)", text) if not block.startswith("#")]
        assert blocks
        for block in blocks:
            assert re.match(r"[\w.\-\[\]]+==\S+ ", block), f"{path.name}: {block[:60]}"
            assert "--hash=sha256:" in block, f"{path.name}: {block[:60]}"
