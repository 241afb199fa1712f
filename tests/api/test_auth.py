"""A key is sent, and never shown."""

import pytest

from custom_components.leap.api.auth import ApiKeyAuth
from custom_components.leap.api.errors import LeapAuthError


async def test_a_key_is_sent_without_the_blanks_of_a_paste() -> None:
    assert await ApiKeyAuth(" planted:key\n").async_headers() == {"Authorization": "Bearer planted:key"}


async def test_a_key_is_never_shown_nor_renewed() -> None:
    auth = ApiKeyAuth("planted")
    assert "planted" not in repr(auth)
    assert not await auth.async_refresh()


@pytest.mark.parametrize("key", ["", "  ", "two\nlines", "nul\0"])
async def test_a_key_that_cannot_be_sent_is_refused(key: str) -> None:
    with pytest.raises(LeapAuthError) as caught:
        await ApiKeyAuth(key).async_headers()
    assert "lines" not in caught.value.message
