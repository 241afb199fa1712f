"""The rooms keep to themselves, and the code to the shape hassfest checks."""

import ast
from pathlib import Path
import sys

import pytest

from .source import LEAP, ROOT, SOURCES, tree


def imports(path: Path) -> set[str]:
    """Every absolute module a module imports; a relative one as its path below the integration."""
    package = path.relative_to(ROOT).parent.parts
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if not node.level:
                found.add(node.module or "")
                continue
            base = ".".join(package[: len(package) - node.level + 1])
            found.update(
                ".".join(filter(None, (base, node.module, alias.name if not node.module else "")))
                for alias in node.names
            )
    return found


def rooms(path: Path) -> set[str]:
    """The top-level names that a module imports, and the rooms of the integration."""
    prefix = "custom_components.leap."
    return {
        f"leap.{name.removeprefix(prefix).split('.')[0]}" if name.startswith(prefix) else name.split(".")[0]
        for name in imports(path)
    }


@pytest.mark.parametrize(
    ("room", "outside"),
    [("api", {"aiohttp", "msgspec", "multidict", "yarl"}), ("dispatch", set())],
)
def test_pure_rooms_stay_pure(room: str, outside: set[str]) -> None:
    modules = sorted((LEAP / room).rglob("*.py"))
    assert modules
    for path in modules:
        allowed = set(sys.stdlib_module_names) | outside | {f"leap.{room}"}
        assert rooms(path) <= allowed, path.name


def test_store_knows_no_other_room() -> None:
    used = rooms(LEAP / "store.py")
    assert not used & {"leap.api", "leap.dispatch", "leap.curtailment", "leap.coordinator", "leap.push", "leap.webhook"}


def test_only_the_actuator_calls_loads() -> None:
    callers = {
        path.relative_to(LEAP).as_posix()
        for path in SOURCES
        if "loads" not in path.relative_to(LEAP).parts
        and any(name.startswith("custom_components.leap.curtailment.loads") for name in imports(path))
    }
    assert all(path.startswith("curtailment/") or "flow" in path for path in callers), callers


def test_the_integration_does_without_what_is_not_shipped() -> None:
    for path in SOURCES:
        assert not rooms(path) & {"sandbox", "scripts", "tests"}, path.name


def test_functions_fit_a_screen() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]
    assert not long


def test_platforms_say_how_many_updates_run_at_once() -> None:
    platforms = {"binary_sensor", "button", "calendar", "event", "sensor", "switch"}
    for path in SOURCES:
        if path.parent == LEAP and path.stem in platforms:
            assert "PARALLEL_UPDATES = 0" in path.read_text(
                encoding="utf-8"
            ) or "PARALLEL_UPDATES = 1" in path.read_text(encoding="utf-8"), path.name


ENTRY_POINTS = {
    "async_setup_entry",
    "async_unload_entry",
    "async_remove_entry",
    "async_migrate_entry",
    "async_get_config_entry_diagnostics",
}


def entry_points(path: Path) -> dict[str, ast.AsyncFunctionDef]:
    """The functions of a module that Home Assistant calls with the entry."""
    return {
        node.name: node
        for node in tree(path).body
        if isinstance(node, ast.AsyncFunctionDef) and node.name in ENTRY_POINTS
    }


def test_entry_points_name_the_typed_entry() -> None:
    assert set(entry_points(LEAP / "__init__.py")) >= {"async_setup_entry", "async_unload_entry", "async_remove_entry"}
    assert "async_get_config_entry_diagnostics" in entry_points(LEAP / "diagnostics.py")
    for path in LEAP.glob("*.py"):
        for name, node in entry_points(path).items():
            annotation = node.args.args[1].annotation
            assert isinstance(annotation, ast.Name), f"{path.name}: {name}"
            assert annotation.id == "LeapConfigEntry", f"{path.name}: {name}"


def test_set_up_stores_the_runtime_data_itself() -> None:
    stored = [
        target.attr
        for node in ast.walk(entry_points(LEAP / "__init__.py")["async_setup_entry"])
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute)
    ]
    assert "runtime_data" in stored
