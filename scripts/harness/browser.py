"""A headless Chromium that is logged in to Home Assistant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import json
import os
import shutil
from typing import Literal

from playwright.async_api import Page, async_playwright

from .client import HomeAssistantClient
from .processes import ProcessError

WIDTH, HEIGHT = 1280, 900
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_TIMEOUT_MS = 20_000


def find_chromium() -> str:
    """Return the path of a Chromium."""
    for name in (os.environ.get("CHROMIUM"), *_NAMES):
        if name and (found := shutil.which(name)):
            return found
    raise ProcessError("no Chromium found; set CHROMIUM to its path")


@asynccontextmanager
async def logged_in(client: HomeAssistantClient, theme: Literal["light", "dark"] = "light") -> AsyncIterator[Page]:
    """Open a page of a browser that is logged in."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=_FLAGS)
        context = await browser.new_context(
            viewport={"width": WIDTH, "height": HEIGHT},
            color_scheme=theme,
            locale="en-US",
            timezone_id="America/Los_Angeles",
        )
        tokens = json.dumps(client.tokens)
        await context.add_init_script(f"localStorage.setItem('hassTokens', {json.dumps(tokens)})")
        page = await context.new_page()
        page.set_default_timeout(_TIMEOUT_MS)
        try:
            yield page
        finally:
            await browser.close()
