"""Leap's published OpenAPI files, and a check of whole exchanges against them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
import pytest
from werkzeug.datastructures import Headers, ImmutableMultiDict
import yaml

FOLDER = Path(__file__).parents[2].parent / "shared" / "leap-api" / "openapi"
FILES = {"dispatch": "dispatch", "details": "meter-details", "enrollment": "meter-enrollment"}
HOST = "https://api.leap.energy"


class TextLoader(yaml.SafeLoader):
    """Leaves timestamps the text they are."""


TextLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

NULL_IN_TEXT_AND_EXAMPLES = {
    "energy_kw": "null asks for the maximum, says its description, and the ELRP examples send it",
    "next_page_token": "null on the last page, says its description",
    "http_status": "null if no response was received, says its description",
    "body": "null if there was none, says its description",
}
"""Fields that Leap says can be null although their schema does not."""


def load(name: str) -> dict[str, Any]:
    """Read one of the files as it was published."""
    if not FOLDER.is_dir():
        pytest.skip(f"Leap's OpenAPI files are not here: no folder {'/'.join(FOLDER.parts[-3:])} beside the repository")
    text = (FOLDER / f"leapfrog-power-{FILES[name]}-openapi.yml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.load(text, Loader=TextLoader)  # noqa: S506 (a SafeLoader, without dates)
    return loaded


def allow_documented_nulls(node: object) -> None:
    """Let those fields be null that Leap's own words and examples let be null."""
    for value in _nodes(node):
        for name, schema in (value.get("properties") or {}).items():
            if name in NULL_IN_TEXT_AND_EXAMPLES and isinstance(schema, dict) and "$ref" not in schema:
                schema["nullable"] = True


def _nodes(node: object) -> Iterator[dict[str, Any]]:
    """Go through all objects of a document."""
    match node:
        case dict():
            yield node
            for value in node.values():
                yield from _nodes(value)
        case list():
            for value in node:
                yield from _nodes(value)


class Request:
    """A request as the validator wants it."""

    def __init__(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Take what was sent."""
        self.host_url = HOST
        self.path = path
        self.method = method.lower()
        self.body = body or None
        self.content_type = "application/json"
        self.parameters = RequestParameters(query=ImmutableMultiDict(), header=Headers(dict(headers)))


class Response:
    """A response as the validator wants it."""

    def __init__(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        """Take what was answered."""
        self.status_code = status
        self.data = body
        self.content_type = content_type
        self.headers = Headers()


class Specification:
    """One of the files, ready to check exchanges."""

    def __init__(self, name: str) -> None:
        """Read a file."""
        document = load(name)
        allow_documented_nulls(document)
        self._openapi = OpenAPI.from_dict(document)

    def check_request(self, request: Request) -> None:
        """Raise if Leap does not take such a request."""
        self._openapi.validate_request(request)

    def check_response(self, request: Request, response: Response) -> None:
        """Raise if Leap does not answer so."""
        self._openapi.validate_response(request, response)
