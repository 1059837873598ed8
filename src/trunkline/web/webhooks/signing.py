"""The signature of what is sent, as Standard Webhooks has it, so that its libraries verify it
(https://www.standardwebhooks.com, specification 1.0.0).

HMAC-SHA-256 over `id.timestamp.body` with the secret's bytes; the timestamp is that of the attempt, in whole
seconds: a receiver refuses old ones, so that a request that was overheard can't be sent again later.
"""

import base64
import hashlib
import hmac

from trunkline.store.webhooks import SECRET_PREFIX


def signed_headers(secret: str, event_id: str, now: float, body: bytes) -> dict[str, str]:
    """The headers `webhook-id`, `webhook-timestamp` and `webhook-signature` of one attempt at `now` (wall
    clock). `secret` is as `store.webhooks.new_secret` makes it."""
    timestamp = str(int(now))
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.digest(key, b".".join((event_id.encode(), timestamp.encode(), body)), hashlib.sha256)
    signature = base64.b64encode(digest).decode("ascii")
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }
