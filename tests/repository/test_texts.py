"""Every text the code asks for exists, and every text that exists is asked for."""

import ast
from collections.abc import Iterator
from pathlib import Path
import re
from typing import Any

import pytest
import yaml

from .source import LEAP, SOURCES, load, tree


@pytest.fixture(scope="module")
def english() -> dict[str, Any]:
    return load(LEAP / "translations" / "en.json")


@pytest.fixture(scope="module")
def icons() -> dict[str, Any]:
    return load(LEAP / "icons.json")


def test_no_text_waits_for_cores_build() -> None:
    assert not list(LEAP.rglob("strings.json"))
    for path in (LEAP / "translations").glob("*.json"):
        assert "[%key:" not in path.read_text(encoding="utf-8"), path.name


def calls_with_translation_key() -> Iterator[tuple[Path, str, str]]:
    """Every literal translation key given to a call, with the name of what was called."""
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for keyword in node.keywords:
                if keyword.arg == "translation_key" and isinstance(keyword.value, ast.Constant):
                    yield path, name, str(keyword.value.value)


def entity_translation_keys() -> Iterator[tuple[str, str]]:
    """Every literal translation key of an entity, with its platform."""
    for path, name, key in calls_with_translation_key():
        if name.endswith(("EntityDescription", "Description")):
            yield path.stem, key
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                target = node.targets[0]
                name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
                if name == "_attr_translation_key":
                    yield path.stem, str(node.value.value)


def test_every_translation_key_in_the_code_has_a_text(english: dict[str, Any]) -> None:
    missing = []
    found = 0
    for path, name, key in calls_with_translation_key():
        if name.endswith("Description"):
            continue
        section = {"SelectSelectorConfig": "selector", "async_create_issue": "issues", "create_issue": "issues"}.get(
            name, "exceptions"
        )
        found += 1
        if key not in english.get(section, {}):
            missing.append(f"{path.name}: {section}.{key} ({name})")
    for platform, key in entity_translation_keys():
        found += 1
        if key not in english["entity"].get(platform, {}):
            missing.append(f"entity.{platform}.{key}")
    assert not missing
    assert found


@pytest.mark.parametrize("section", ["exceptions", "issues", "selector"])
def test_every_text_is_used(english: dict[str, Any], section: str) -> None:
    words = {
        node.value
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert not set(english.get(section, {})) - words


def test_texts_are_complete(english: dict[str, Any]) -> None:
    for text in english.get("exceptions", {}).values():
        assert text["message"]
    for issue, text in english.get("issues", {}).items():
        assert text["title"], issue
        assert ("description" in text) != ("fix_flow" in text), issue
    for flow in [english["config"], english["options"], *english["config_subentries"].values()]:
        for step, text in flow["step"].items():
            fields = set(text.get("data", {}))
            assert fields >= set(text.get("data_description", {})), step


def test_every_other_language_says_the_same_things(english: dict[str, Any]) -> None:
    def keys(texts: dict[str, Any], prefix: str = "") -> set[str]:
        return {
            found
            for key, value in texts.items()
            for found in (keys(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key})
        }

    for path in (LEAP / "translations").glob("*.json"):
        assert keys(load(path)) <= keys(english), path.name


def test_icons_belong_to_entities_and_actions(english: dict[str, Any], icons: dict[str, Any]) -> None:
    for platform, entities in icons.get("entity", {}).items():
        for key, icon in entities.items():
            assert key in english["entity"][platform], f"{platform}.{key}"
            found = [icon["default"], *icon.get("state", {}).values()]
            assert all(re.fullmatch(r"mdi:[a-z0-9-]+", name) for name in found)
    for section in ("services", "triggers", "conditions"):
        assert set(icons.get(section, {})) == set(english.get(section, {})), section


@pytest.mark.parametrize("name", ["services", "triggers", "conditions"])
def test_described_actions_triggers_and_conditions_have_texts(english: dict[str, Any], name: str) -> None:
    path = LEAP / f"{name}.yaml"
    described = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    assert set(described) == set(english.get(name, {}))
    for key, description in described.items():
        texts = english[name][key]
        assert texts["name"], key
        assert texts["description"], key
        for field in (description or {}).get("fields", {}):
            assert texts["fields"][field]["name"], f"{key}.{field}"
