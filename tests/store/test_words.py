"""What the store says to the user."""

import json
from pathlib import Path

import custom_components.leap
from custom_components.leap.store import StoreError, StoreVersionError


def test_every_error_has_its_words() -> None:
    texts = json.loads((Path(custom_components.leap.__file__).parent / "translations" / "en.json").read_text())
    for error in (StoreError("disk full"), StoreVersionError("newer version")):
        assert error.translation_domain == "leap"
        assert error.translation_key is not None
        message = texts["exceptions"][error.translation_key]["message"]
        assert error.translation_placeholders is not None
        assert message.format(**error.translation_placeholders)
    assert "{error}" in texts["exceptions"]["store_write_failed"]["message"]
