"""Reads the repository's own files."""

import ast
import json
from pathlib import Path
import subprocess
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
LEAP = ROOT / "custom_components" / "leap"
SOURCES = sorted(LEAP.rglob("*.py"))


def load(path: Path) -> dict[str, Any]:
    """Read a JSON object."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def tree(path: Path) -> ast.Module:
    """Parse a module."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def tracked_files() -> list[Path]:
    """Every file of the repository, and those about to become part of it."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]
