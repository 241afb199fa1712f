"""The documents say what is there: links, pictures, labels, names, and examples that work."""

from pathlib import Path
import re
from typing import Any

from homeassistant.components.automation import DOMAIN as AUTOMATION
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service

from .source import LEAP, ROOT, load

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "sandbox" / "README.md"])
BLUEPRINTS = sorted((ROOT / "blueprints").rglob("*.yaml"))
EVENT = {
    "event_type": "scheduled",
    "event_id": "event-1",
    "start": "2026-09-08T02:00:00+00:00",
    "end": "2026-09-08T03:30:00+00:00",
    "energy_kw": None,
    "voluntary": True,
}
ENGLISH = load(LEAP / "translations" / "en.json")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_pictures_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src(?:set)?="([^"]+)"', text)
    local = [target.split("#")[0] for target in targets if "://" not in target and not target.startswith("#")]
    assert not [target for target in local if not (document.parent / target).exists()]


def test_every_picture_is_shown() -> None:
    text = "".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    assert not [path.name for path in (ROOT / "docs" / "images").glob("*.png") if path.name not in text]


def page(document: str) -> str:
    """Read a page as one line."""
    return " ".join((ROOT / "docs" / document).read_text(encoding="utf-8").split())


def test_every_field_of_the_forms_is_explained() -> None:
    config, subentries = ENGLISH["config"]["step"], ENGLISH["config_subentries"]
    steps = [config[name] for name in ("api_key", "filter", "meters", "relay")]
    steps += [subentries["meter"]["step"]["reconfigure"], ENGLISH["options"]["step"]["init"]]
    labels = [label for step in steps for label in step["data"].values()]
    assert not [label for label in labels if f"| {label} |" not in page("setup.md")]
    kinds = {kind: step["data"] for kind, step in subentries["load"]["step"].items() if "data" in step}
    for kind, labels in kinds.items():
        document = page(f"{kind.replace('_', '-')}.md")
        assert not [label for label in labels.values() if f"| {label} |" not in document], kind


def test_every_choice_of_the_options_is_explained() -> None:
    for key in ("push", "communication_test", "voluntary_default", "environment"):
        for label in ENGLISH["selector"][key]["options"].values():
            assert f"*{label.split(':')[0]}*" in page("setup.md"), label


def test_every_entity_is_described() -> None:
    names = {each["name"] for entities in ENGLISH["entity"].values() for each in entities.values()}
    assert not [name for name in names if f"*{name}*" not in page("entities.md")]
    states = (
        ENGLISH["entity"]["sensor"]["load_state"]["state"].keys()
        | ENGLISH["entity"]["sensor"]["dispatch_state"]["state"].keys()
    )
    events = ENGLISH["entity"]["event"]["dispatch"]["state_attributes"]["event_type"]["state"].keys()
    assert not [state for state in states | events if f"`{state}`" not in page("entities.md")]


def test_every_repair_and_question_is_in_troubleshooting() -> None:
    steps = ENGLISH["config"]["step"]
    titles = [issue["title"] for issue in ENGLISH["issues"].values()]
    titles += [steps["reauth_confirm"]["title"], steps["reauth_relay"]["title"], steps["address_missing"]["title"]]
    told = [re.sub(r"\{\w+\}", "…", title) for title in titles]
    assert not [title for title in told if f"*{title}*" not in page("troubleshooting.md")]


async def run(hass: HomeAssistant, automation: dict[str, Any], entity_id: str) -> None:
    """Set an automation up, and have an event entity receive what Leap scheduled."""
    await hass.config.async_set_time_zone("America/Los_Angeles")
    hass.states.async_set(entity_id, "unknown")
    assert await async_setup_component(hass, AUTOMATION, {AUTOMATION: [{"id": "example", **automation}]})
    await hass.async_block_till_done()
    hass.states.async_set(entity_id, "2026-09-08T01:00:00.000+00:00", EVENT)
    await hass.async_block_till_done()
    hass.states.async_set(entity_id, "2026-09-08T01:00:01.000+00:00", {**EVENT, "event_type": "test_received"})
    await hass.async_block_till_done()


def only(calls: list[ServiceCall]) -> str:
    """Return the message of the only call."""
    (call,) = calls
    return str(call.data["message"])


async def test_the_example_automation_works(hass: HomeAssistant) -> None:
    (example,) = re.findall(
        r"```yaml\n(.*?)```", (ROOT / "docs" / "your-say.md").read_text(encoding="utf-8"), re.DOTALL
    )
    automation: Any = parse_yaml(example)
    sent = async_mock_service(hass, "notify", "notify")
    await run(hass, automation, "event.home_dispatch")
    assert only(sent) == "Energy event from 19:00 to 20:30."


@pytest.mark.parametrize("blueprint", BLUEPRINTS, ids=lambda path: path.stem)
def test_a_blueprint_is_importable_by_a_link(blueprint: Path) -> None:
    text = blueprint.read_text(encoding="utf-8")
    (source,) = re.findall(r"source_url: (\S+)", text)
    path = source.removeprefix("https://github.com/leap-home-assistant/leap/blob/main/")
    assert ROOT / path == blueprint
    assert source.replace(":", "%3A").replace("/", "%2F") in page("your-say.md")


@pytest.mark.parametrize(
    ("inputs", "domain", "action", "message"),
    [
        (
            {},
            "persistent_notification",
            "create",
            "Planned: voluntary energy event from 2026-09-07 19:00 to 2026-09-07 20:30, as much as possible.",
        ),
        (
            {"todo": [{"action": "notify.notify", "data": {"message": "{{ start }} {{ kilowatts }}"}}]},
            "notify",
            "notify",
            "2026-09-07 19:00",
        ),
    ],
)
async def test_the_announcing_blueprint(
    hass: HomeAssistant, inputs: dict[str, Any], domain: str, action: str, message: str
) -> None:
    folder = Path(hass.config.config_dir) / "blueprints" / "automation" / "leap"
    folder.mkdir(parents=True)
    (source,) = [path for path in BLUEPRINTS if path.stem == "announce_dispatch"]
    (folder / source.name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    sent = async_mock_service(hass, domain, action)
    used = {"path": f"leap/{source.name}", "input": {"dispatch": "event.home_dispatch", **inputs}}
    await run(hass, {"use_blueprint": used}, "event.home_dispatch")
    assert only(sent).strip() == message
