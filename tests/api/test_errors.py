"""Every shape an error of Leap's has becomes one readable line."""

import pytest

from custom_components.leap.api.errors import MAX_MESSAGE, LeapError, LeapRateLimitError, error_message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            b'{"title":"Bad Request","status":400,"details":{"error":"Meter id is not a UUID"}}',
            "Bad Request: Meter id is not a UUID",
        ),
        (b'{"title":"Meter not found","status":404,"details":{"meter_id":"abc"}}', "Meter not found: meter_id abc"),
        (b'{"title":"Unauthorized","status":401,"details":{}}', "Unauthorized"),
        (b'{"title":"Unauthorized","details":null}', "Unauthorized"),
        (b'{"title":"Unauthorized"}', "Unauthorized"),
        (b'{"title":"Bad","details":[{"message":"m","description":"d"},{"message":"n"},7]}', "Bad: m: d; n"),
        (
            b'{"code":"BAD_REQUEST","message":"wrong","error_code":"DISPATCH_INVALID_INPUT"}',
            "wrong (DISPATCH_INVALID_INPUT)",
        ),
        (b'{"code":"BAD_REQUEST","message":"wrong"}', "wrong"),
        (b'{"code":"BAD_REQUEST","message":null}', "BAD_REQUEST"),
        (b'{"error":"Conflict","message":"already there"}', "already there (Conflict)"),
        (b'{"error":"same","message":"same"}', "same"),
        (b'{"error":"Conflict"}', "Conflict"),
        (b'"An error happened"', "An error happened"),
        (
            b'{"errors":[{"field":"city","description":"missing","suggestions":[]},{"description":"odd"},3]}',
            "city: missing; odd",
        ),
        (b'{"message":"bad row","csv_row":3,"problem_field":"tariff"}', "bad row (tariff)"),
        (b'{"what":{"ever":1}}', ""),
        (b"[1,2]", ""),
        (b"", ""),
        (b"  Service Unavailable\r\n ", "Service Unavailable"),
        (b"<html><head><title>502 Bad Gateway</title></head></html>", "502 Bad Gateway"),
        (b"<html><title>cut", "a web page"),
        (b"<!DOCTYPE html><p>x", "a web page"),
        (b"\xff\x00 binary", "\ufffd binary"),
        (b'"\xff"', '"\ufffd"'),
    ],
)
def test_message_of_every_shape(body: bytes, message: str) -> None:
    assert error_message(body) == message


def test_a_nesting_bomb_is_one_line() -> None:
    assert len(error_message(b"[" * 500_000)) == MAX_MESSAGE


def test_a_long_message_is_cut() -> None:
    message = error_message(b'"' + b"a" * 5_000 + b'"')
    assert message == "a" * (MAX_MESSAGE - 1) + "…"


def test_secrets_are_taken_out_before_the_message_is_cut() -> None:
    secret = "planted-secret"
    body = b'{"message":"' + b"x" * (MAX_MESSAGE - 8) + secret.encode() + b'"}'
    assert "planted" not in error_message(body, secrets=(f"Bearer {secret}",))


def test_ids_are_taken_out() -> None:
    body = (
        b'{"message":"meter 5B0C1F3E-7a52-4c0e-9d0b-2f6f0a7f1a01 of 7d9e2a10-3c44-4b1f-8e5a-91b2c3d4e502 is unknown"}'
    )
    assert error_message(body) == "meter ** of ** is unknown"


def test_an_error_tells_its_message_and_status() -> None:
    error = LeapError("what", status=418)
    assert (str(error), error.message, error.status) == ("what", "what", 418)
    limited = LeapRateLimitError("slower", retry_after=7.0)
    assert (limited.status, limited.retry_after) == (429, 7.0)
