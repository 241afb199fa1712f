"""Config flows and subentry flows, walked over Home Assistant's API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .client import ApiError, HomeAssistantClient

_ENTRIES = "/api/config/config_entries"

type Answers = Mapping[str, Mapping[str, Any] | str]
"""What to enter in each step by its id; a text chooses an item of a menu."""


@dataclass(frozen=True, kw_only=True)
class Walked:
    """What a flow made, and what its texts mentioned on the way."""

    result: Mapping[str, Any]
    mentioned: Mapping[str, str]

    @property
    def entry_id(self) -> str:
        """Return the id of the entry that was made."""
        return str(self.result["result"]["entry_id"])

    @property
    def webhook_path(self) -> str:
        """Return the path of the webhook the flow told of; the address outside is none of this machine's."""
        return urlsplit(self.mentioned["url"]).path


async def run_config_flow(client: HomeAssistantClient, domain: str, answers: Answers) -> Walked:
    """Set an integration up."""
    return await _walk(client, f"{_ENTRIES}/flow", {"handler": domain}, answers)


async def run_subentry_flow(client: HomeAssistantClient, entry_id: str, kind: str, answers: Answers) -> Walked:
    """Add a subentry to an entry."""
    return await _walk(client, f"{_ENTRIES}/subentries/flow", {"handler": [entry_id, kind]}, answers)


async def run_options_flow(client: HomeAssistantClient, entry_id: str, answers: Answers) -> Walked:
    """Change the options of an entry."""
    return await _walk(client, f"{_ENTRIES}/options/flow", {"handler": entry_id}, answers)


async def _walk(client: HomeAssistantClient, path: str, begin: Mapping[str, Any], answers: Answers) -> Walked:
    """Answer step after step until the flow ends."""
    mentioned: dict[str, str] = {}
    flow = await client.post(path, begin)
    while flow["type"] != "create_entry":
        if flow["type"] not in ("form", "menu"):
            raise ApiError(f"the flow ended: {flow.get('reason', flow)}")
        if flow.get("errors"):
            raise ApiError(f"step {flow['step_id']}: {flow['errors']}")
        if (answer := answers.get(flow["step_id"])) is None:
            raise ApiError(f"no answer for step {flow['step_id']} with {_fields(flow)}")
        mentioned |= flow.get("description_placeholders") or {}
        body = {"next_step_id": answer} if isinstance(answer, str) else dict(answer)
        flow = await client.post(f"{path}/{flow['flow_id']}", body)
    return Walked(result=flow, mentioned=mentioned)


def _fields(flow: Mapping[str, Any]) -> Sequence[str]:
    """Name the fields of a form or the items of a menu."""
    if flow["type"] == "menu":
        return list(flow["menu_options"])
    return [field["name"] for field in flow["data_schema"] or ()]
