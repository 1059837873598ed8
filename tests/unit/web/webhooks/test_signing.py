"""Signatures."""

from trunkline.store.webhooks import new_secret
from trunkline.web.webhooks.signing import signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""Of the example in the specification of Standard Webhooks 1.0.0."""


def test_the_example_of_standard_webhooks() -> None:
    body = b'{"test": 2432232314}'
    headers = signed_headers(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330.9, body)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_everything_is_signed() -> None:
    def signature(secret: str, id_: str, now: float, body: bytes) -> str:
        return signed_headers(secret, id_, now, body)["webhook-signature"]

    one = signature(SECRET, "a", 1.0, b"x")
    others = [
        signature(new_secret(), "a", 1.0, b"x"),
        signature(SECRET, "b", 1.0, b"x"),
        signature(SECRET, "a", 2.0, b"x"),
        signature(SECRET, "a", 1.0, b"y"),
    ]
    assert one not in others
