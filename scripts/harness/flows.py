"""Config flows and subentry flows, walked over Home Assistant's API."""

from collections.abc import Mapping, Sequence
from typing import Any

from .client import ApiError, HomeAssistantClient

_ENTRIES = "/api/config/config_entries"

type Answers = Mapping[str, Mapping[str, Any] | str]
"""What to enter in each step by its id; a text chooses an item of a menu."""


async def run_config_flow(client: HomeAssistantClient, domain: str, answers: Answers) -> str:
    """Set an integration up; return the id of its entry."""
    path = f"{_ENTRIES}/flow"
    flow = await client.post(path, {"handler": domain, "show_advanced_options": False})
    result = await _walk(client, path, flow, answers)
    entry_id: str = result["result"]["entry_id"]
    return entry_id


async def run_subentry_flow(client: HomeAssistantClient, entry_id: str, kind: str, answers: Answers) -> None:
    """Add a subentry to an entry."""
    path = f"{_ENTRIES}/subentries/flow"
    flow = await client.post(path, {"handler": [entry_id, kind]})
    await _walk(client, path, flow, answers)


async def run_options_flow(client: HomeAssistantClient, entry_id: str, answers: Answers) -> None:
    """Change the options of an entry."""
    path = f"{_ENTRIES}/options/flow"
    flow = await client.post(path, {"handler": entry_id})
    await _walk(client, path, flow, answers)


async def _walk(client: HomeAssistantClient, path: str, flow: dict[str, Any], answers: Answers) -> dict[str, Any]:
    """Answer step after step until the flow ends."""
    while flow["type"] != "create_entry":
        if flow["type"] not in ("form", "menu"):
            raise ApiError(f"the flow ended: {flow.get('reason', flow)}")
        if flow.get("errors"):
            raise ApiError(f"step {flow['step_id']}: {flow['errors']}")
        if (answer := answers.get(flow["step_id"])) is None:
            raise ApiError(f"no answer for step {flow['step_id']} with {_fields(flow)}")
        body = {"next_step_id": answer} if isinstance(answer, str) else dict(answer)
        flow = await client.post(f"{path}/{flow['flow_id']}", body)
    return flow


def _fields(flow: Mapping[str, Any]) -> Sequence[str]:
    """Name the fields of a form or the items of a menu."""
    if flow["type"] == "menu":
        return list(flow["menu_options"])
    return [field["name"] for field in flow["data_schema"] or ()]
