"""Loops: recognising a request that we sent ourselves (RFC 3261 §16.3 item 4, as RFC 5393 §4.2 corrects it).

The branch of every request that is sent outside a dialog has a second part: a keyed fingerprint of its
Request-URI. A request that arrives with one of our sent-by values anywhere in its Via list, and there a
branch whose second part is the fingerprint of the Request-URI that it has now, has come back unchanged: a
loop, answered with 482. When the Request-URI has changed on the way it is a spiral, and goes on.

A back-to-back user agent starts a new Via list on its far leg, so what can come back is that far leg: an
endpoint that resolves to ourselves, or a proxy that returns what it was given. Loops through another
back-to-back user agent are ended by Max-Forwards alone (§8.1.1.6), which the call hands on from leg to leg.
Merged requests (§8.2.2.2) are recognised by `trunkline.sip.transactions.table`.
"""

import hashlib

from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.message import Request
from trunkline.sip.ports import Address
from trunkline.sip.via import MAGIC_COOKIE, Via

_SEPARATOR = "-l"
_BYTES = 5


class LoopGuard:
    """Makes branches, and recognises them when they come back. `secret` keeps strangers from making one that
    matches.
    """

    __slots__ = ("_key", "_sent_by")

    def __init__(self, secret: bytes) -> None:
        self._key = hashlib.blake2s(b"loop" + secret).digest()
        self._sent_by: set[tuple[str, int | None]] = set()

    def branch(self, token: str, uri_text: str | None) -> str:
        """A branch (§8.1.1.7): `token` is the unique part, `uri_text` the Request-URI when the request is
        outside a dialog.
        """
        if uri_text is None:
            return MAGIC_COOKIE + token
        return f"{MAGIC_COOKIE}{token}{self._mark(uri_text)}"

    def remember(self, sent_by: Address) -> None:
        """`sent_by` is a value that we write into Via."""
        if sent_by not in self._sent_by:
            self._sent_by.update((sent_by, (sent_by.host.lower(), sent_by.port)))

    def looped(self, request: Request) -> bool:
        """True when `request` passed here before with the Request-URI that it has now.

        A Via of somebody else that can't be read is no obstacle (RFC 5393 §4.2.4).
        """
        lines = request.headers.all("via")
        if len(lines) == 1 and "," not in lines[0]:
            top = request.top_via
            return (top.host, top.port) in self._sent_by and self._bears(top, self._mark(request.uri_text))
        mark = self._mark(request.uri_text)
        if not any(mark in line for line in lines):
            return False
        try:
            elements = request.headers.split("via")
        except SipSyntaxError:
            return False
        return any(self._is_ours(element, mark) for element in elements if mark in element)

    def _is_ours(self, element: str, mark: str) -> bool:
        try:
            via = Via.parse(element)
        except SipSyntaxError:
            return False
        return (via.host, via.port) in self._sent_by and self._bears(via, mark)

    def _bears(self, via: Via, mark: str) -> bool:
        branch = via.branch
        return branch is not None and branch.endswith(mark)

    def _mark(self, uri_text: str) -> str:
        """The second part of a branch, with what separates it from the first."""
        data = uri_text.encode("utf-8", "surrogateescape")
        return _SEPARATOR + hashlib.blake2s(data, key=self._key, digest_size=_BYTES).hexdigest()
