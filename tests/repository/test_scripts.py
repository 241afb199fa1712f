"""The commands of the repository can be run as the documents say."""

import os
from pathlib import Path
import re
import subprocess

import pytest

from .source import ROOT

COMMANDS = ["setup", "test", "lint", "demo", "develop", "e2e", "bench", "lock"]
SCRIPTS = [
    *(ROOT / "scripts" / name for name in COMMANDS),
    ROOT / ".ci" / "run",
    ROOT / "scripts/lib/python-from-debian",
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_can_be_run_and_says_what_it_does(script: Path) -> None:
    assert os.access(script, os.X_OK)
    lines = script.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert re.match(r"# [A-Z].*\.", lines[1])
    checked = subprocess.run(["bash", "-n", str(script)], capture_output=True, check=False, text=True)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "setup"])
def test_every_command_sets_up_by_itself(name: str) -> None:
    assert "scripts/setup" in (ROOT / "scripts" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_commands_in_the_documents_exist(document: str) -> None:
    named = set(re.findall(r"(?<![\w/])scripts/(\w+)", (ROOT / document).read_text(encoding="utf-8")))
    assert named
    assert named <= set(COMMANDS)


@pytest.mark.parametrize("name", ["setup", "lint"])
def test_an_unknown_option_is_refused_with_what_to_do(name: str) -> None:
    refused = subprocess.run(
        [str(ROOT / "scripts" / name), "--no-such-option"], capture_output=True, check=False, text=True, cwd=ROOT
    )
    assert refused.returncode == 1
    assert "What to do: run scripts/" in refused.stderr
