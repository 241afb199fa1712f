"""Child processes that never outlive the command that started them."""

import asyncio
from collections.abc import Mapping, Sequence
import ctypes
import os
from pathlib import Path
import signal
import socket
import sys

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
REPOSITORY = Path(__file__).resolve().parents[2]


class ProcessError(RuntimeError):
    """A process did not do what was expected of it."""


def free_port() -> int:
    """Return a port of this machine nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent() -> None:
    """Have the kernel kill this child when its parent is gone, however it went."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class ManagedProcess:
    """A process of its own session, its output in a file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        cwd: Path = REPOSITORY,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare, without starting."""
        self.name = name
        self.log = log
        self._command = command
        self._cwd = cwd
        self._env = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def running(self) -> bool:
        """Whether the process has been started and not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the process."""
        if self.running:
            raise ProcessError(f"{self.name} is running already")
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._cwd,
                env=self._env,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    async def stop(self, within: float = 20) -> int | None:
        """End the process: kindly, then by force. Returns its exit status."""
        if (process := self._process) is None or process.returncode is not None:
            return None
        process.terminate()
        try:
            return await asyncio.wait_for(process.wait(), within)
        except TimeoutError:
            await self.kill()
            return process.returncode

    async def kill(self) -> None:
        """Kill -9: the process has no say in it."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def wait(self) -> int:
        """Wait until the process ends, however that comes; returns its exit status."""
        if self._process is None:
            raise ProcessError(f"{self.name} has not been started")
        return await self._process.wait()

    def check(self) -> None:
        """Raise if the process ended by itself, with the end of its output."""
        if self._process is None or self._process.returncode is None:
            return
        tail = self.log.read_text(errors="replace").splitlines()[-20:]
        raise ProcessError("\n".join([f"{self.name} ended with status {self._process.returncode}:", *tail]))


def python_module(name: str, *arguments: str, log: Path, env: Mapping[str, str] | None = None) -> ManagedProcess:
    """Prepare `python -m name` of this repository."""
    return ManagedProcess(name, [sys.executable, "-m", name, *arguments], log=log, env=env)
