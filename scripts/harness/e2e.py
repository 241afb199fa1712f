"""Drives the real frontend in a headless Chromium, as a person would, and asserts what is seen."""

import argparse
import asyncio
from dataclasses import dataclass
from pathlib import Path
import sys
from tempfile import TemporaryDirectory, mkdtemp

from playwright.async_api import Error as PlaywrightError, Locator, Page, expect

from .browser import HEIGHT, WIDTH, logged_in
from .output import say, step
from .processes import REPOSITORY
from .stopping import until_stopped
from .world import API_KEY, World, push_by_hand, running_world

IMAGES = REPOSITORY / "docs/images"
METERS = ("home-0042", "home-0043")
ROOM = "Living room"
ORIGINAL, CURTAILED = 23.0, 25.0
_SETTLE_MS = 800
_PATIENCE_MS = 20_000
_TALL = 1200


@dataclass
class Visit:
    """A person in front of a browser."""

    world: World
    page: Page
    images: Path

    async def picture(self, name: str, height: int = HEIGHT) -> None:
        """Take a picture when nothing moves any more."""
        await self.page.set_viewport_size({"width": WIDTH, "height": height})
        await self.page.wait_for_timeout(_SETTLE_MS)
        await self.page.screenshot(path=self.images / f"{name}.png")
        await self.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})

    async def go(self, path: str) -> None:
        """Open a page of the frontend."""
        await self.page.goto(self.world.client.url + path)

    async def submit(self) -> None:
        """Press the button of a form."""
        await self.page.get_by_role("button", name="Submit").click()

    def row(self, name: str) -> Locator:
        """Find the row of an entity on a device's page."""
        return self.page.locator("hui-generic-entity-row").filter(has=self.page.get_by_text(name, exact=True))

    async def expect_rows(self, **shown: str) -> None:
        """See that a device's page shows these states."""
        for name, state in shown.items():
            await expect(self.row(name.replace("_", " "))).to_contain_text(state)


async def add_integration(visit: Visit) -> None:
    """Add the integration, with a wrong key first, and choose two meters."""
    page = visit.page
    await visit.go("/config/integrations/dashboard")
    await page.get_by_role("button", name="Add integration").first.click()
    await page.get_by_placeholder("Search for a brand name").fill("Leap")
    await page.get_by_role("button", name="Leap", exact=True).click()
    await page.get_by_text("API key of a partner account").click()
    await page.get_by_role("radio", name="Custom").click()
    await page.get_by_role("textbox", name="Base URL").fill(visit.world.sandbox_url)
    await page.get_by_role("textbox", name="API key").fill("not-the-key")
    await visit.submit()
    await expect(page.get_by_text("Leap refused this (403)")).to_be_visible()
    await page.get_by_role("textbox", name="API key").fill(API_KEY)
    await visit.submit()
    await expect(page.get_by_text("Find your meters")).to_be_visible()
    await visit.submit()
    for meter in METERS:
        await page.get_by_role("button", name="Meters").click()
        await page.get_by_placeholder("Search", exact=True).last.fill(meter)
        await page.get_by_text(f"{meter} · Utility meter").last.click()
        await expect(page.get_by_role("button", name=f"Remove {meter}")).to_be_visible()
    await visit.picture("choose-meters")
    await visit.submit()
    await page.get_by_role("button", name="Skip and finish").click()


async def add_thermostat(visit: Visit) -> None:
    """Put the living room's thermostat behind the first meter."""
    page = visit.page
    await visit.go("/config/integrations/integration/leap")
    for meter in METERS:
        await expect(page.get_by_text(meter, exact=True).first).to_be_visible()
    await page.get_by_role("button", name="Add load").click()
    await page.get_by_text("Thermostat", exact=True).click()
    await page.get_by_text("Select an entity *").click()
    await page.get_by_placeholder("Search", exact=True).last.fill(ROOM)
    await page.get_by_text(ROOM, exact=True).last.click()
    await expect(page.get_by_role("dialog", name="Thermostat", exact=True)).to_be_hidden()
    await page.wait_for_timeout(_SETTLE_MS)
    box = page.get_by_role("checkbox", name=METERS[0])
    await box.click(force=True)  # it lies under its own drawing
    await expect(box).to_have_attribute("aria-checked", "true")
    await page.get_by_text("A thermostat that answers dispatches").hover()
    await page.mouse.move(640, 400)
    await page.mouse.wheel(0, -2000)
    await visit.picture("add-thermostat", _TALL)
    await visit.submit()
    await expect(page.get_by_text(f"Created configuration for {ROOM}.")).to_be_visible()
    await page.get_by_role("button", name="Finish").click()
    await expect(page.get_by_text("Thermostat load").first).to_be_visible()
    await visit.picture("integration")


async def device_path(visit: Visit, name: str, model: str) -> str:
    """Return the path of a device's page."""
    devices = await visit.world.client.command("config/device_registry/list")
    return next(
        f"/config/devices/device/{each['id']}" for each in devices if (each["name"], each["model"]) == (name, model)
    )


async def watch_a_dispatch(visit: Visit) -> None:
    """See the pages of meter and load change while a dispatch runs, and change back."""
    world = visit.world
    meter = await device_path(visit, METERS[0], "Utility meter")
    load = await device_path(visit, ROOM, "Thermostat load")
    meter_id = (await world.control.meters(1, meter_type="UTILITY_METER"))[0]["meter_id"]
    await visit.go(meter)
    await visit.expect_rows(Dispatch_state="Idle", Dispatch_active="Off", Controlled="Off")
    event_ids = await world.control.create(meter_id, start_in=0, duration=7200, energy_kw=3.0, nomination_kw=3.0)
    await visit.expect_rows(Dispatch_state="Active", Dispatch_active="On", Controlled="On", Target_power="3")
    await visit.picture("meter-active", _TALL)
    async with logged_in(world.client, "dark") as page:
        dark = Visit(world, page, visit.images)
        await dark.go(meter)
        await dark.expect_rows(Dispatch_state="Active")
        await dark.picture("meter-active-dark", _TALL)
    await visit.go(load)
    await visit.expect_rows(State="Curtailed")
    await visit.picture("load-curtailed")
    assert (await world.set_points())["living_room"] == CURTAILED, "the thermostat was not moved"
    await visit.go(meter)
    await world.control.cancel(event_ids[0])
    await visit.expect_rows(Dispatch_state="Idle", Dispatch_active="Off", Controlled="Off")
    await visit.go(load)
    await visit.expect_rows(State="Idle")
    assert (await world.set_points())["living_room"] == ORIGINAL, "the thermostat was not put back"


async def walk(visit: Visit) -> None:
    """Do everything one after another."""
    with step("Adding the integration in the browser: a wrong key, the right one, two meters"):
        await add_integration(visit)
    with step("Adding a thermostat as a load"):
        await add_thermostat(visit)
    with step("Watching the device pages while a dispatch runs and after it was cancelled"):
        entries = await visit.world.client.command("config_entries/get", domain="leap")
        visit.world.entry_id = entries[0]["entry_id"]
        await push_by_hand(visit.world)
        await watch_a_dispatch(visit)


async def run(folder: Path, images: Path) -> int:
    """Run the walk; a failure leaves a picture."""
    async with running_world(folder) as world, logged_in(world.client) as page:
        visit = Visit(world, page, images)
        try:
            await walk(visit)
        except (AssertionError, PlaywrightError) as err:
            await page.screenshot(path=images / "failure.png")
            say(f"FAILED: {err}\nThe page at that moment: {images / 'failure.png'}")
            return 1
    say(f"Everything was seen as it should be. Pictures: {images}")
    return 0


def main() -> int:
    """Run the browser test."""
    parser = argparse.ArgumentParser(prog="scripts/e2e", description=__doc__)
    parser.add_argument("--update-images", action="store_true", help="write the pictures to docs/images")
    arguments = parser.parse_args()
    images = IMAGES if arguments.update_images else Path(mkdtemp(prefix="leap-e2e-images-"))
    images.mkdir(exist_ok=True)
    expect.set_options(timeout=_PATIENCE_MS)
    with TemporaryDirectory(prefix="leap-e2e-", ignore_cleanup_errors=True) as folder:
        return asyncio.run(until_stopped(run(Path(folder), images)))


if __name__ == "__main__":
    sys.exit(main())
