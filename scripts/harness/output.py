"""What a command says while it works."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic


def say(text: str = "") -> None:
    """Print a line at once, also into a pipe."""
    print(text, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Say what begins, and how long it took when it is done."""
    print(f"{text} ... ", end="", flush=True)
    begun = monotonic()
    try:
        yield
    except BaseException:
        say("failed")
        raise
    say(f"{monotonic() - begun:.1f} s")
