"""Flows walked over Home Assistant's API."""

from collections.abc import Mapping
from typing import Any, cast

import pytest

from scripts.harness.client import ApiError, HomeAssistantClient
from scripts.harness.flows import run_config_flow

MENU = {"type": "menu", "step_id": "user", "flow_id": "1", "menu_options": ["one", "two"]}
FORM = {
    "type": "form",
    "step_id": "one",
    "flow_id": "1",
    "errors": {},
    "data_schema": [{"name": "key"}],
    "description_placeholders": {"url": "https://home.example.com/api/webhook/x"},
}
END = {"type": "create_entry", "result": {"entry_id": "e1"}}


class FakeClient:
    """Answers with one step after another."""

    def __init__(self, *steps: Mapping[str, Any]) -> None:
        self._steps = list(steps)
        self.posted: list[tuple[str, Mapping[str, Any]]] = []

    async def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        self.posted.append((path, body))
        return self._steps.pop(0)


async def run(fake: FakeClient, answers: Mapping[str, Any]) -> Any:
    """Walk the flow of an integration."""
    return await run_config_flow(cast(HomeAssistantClient, fake), "leap", answers)


async def test_menus_are_chosen_from_and_forms_filled_in() -> None:
    fake = FakeClient(MENU, FORM, END)
    walked = await run(fake, {"user": "one", "one": {"key": 1}})
    assert walked.entry_id == "e1"
    assert walked.webhook_path == "/api/webhook/x"
    assert [body for _, body in fake.posted] == [{"handler": "leap"}, {"next_step_id": "one"}, {"key": 1}]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([{**FORM, "errors": {"base": "invalid_auth"}}], "invalid_auth"),
        ([{"type": "abort", "reason": "already_configured"}], "already_configured"),
        ([{**FORM, "step_id": "surprise"}], r"surprise with \['key'\]"),
    ],
)
async def test_what_stops_a_flow_is_told(steps: list[Mapping[str, Any]], said: str) -> None:
    with pytest.raises(ApiError, match=said):
        await run(FakeClient(*steps), {"one": {}})
