"""The header fields of one message: a multimap that keeps values byte-exact.

RFC 3261 §7.3.1: fields of different names may be reordered, lines of one name may not. So lines are kept per
name, in order of the names' first appearance. Names are keys in lower case with compact forms (§7.3.3)
spelled out; they go out in the spelling of their RFC, unknown ones in the spelling they came in.

Text is UTF-8 decoded with surrogateescape, so that a value nobody touches goes out as it came. What a header
means is `message` and the modules of the single headers; nothing is parsed here.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from trunkline.sip.errors import SipBuildError
from trunkline.sip.grammar import is_token, refuse_breaks, split_list

COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "n": "identity-info",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
"""Compact form → key (IANA registry of SIP header fields)."""

_SPELLINGS = (
    "Accept",
    "Accept-Contact",
    "Accept-Encoding",
    "Accept-Language",
    "Accept-Resource-Priority",
    "Alert-Info",
    "Allow",
    "Allow-Events",
    "Answer-Mode",
    "Authentication-Info",
    "Authorization",
    "Call-ID",
    "Call-Info",
    "Contact",
    "Content-Disposition",
    "Content-Encoding",
    "Content-ID",
    "Content-Language",
    "Content-Length",
    "Content-Type",
    "CSeq",
    "Date",
    "Diversion",
    "Error-Info",
    "Event",
    "Expires",
    "Feature-Caps",
    "Flow-Timer",
    "From",
    "Geolocation",
    "History-Info",
    "Identity",
    "Identity-Info",
    "In-Reply-To",
    "Info-Package",
    "Join",
    "Max-Breadth",
    "Max-Forwards",
    "MIME-Version",
    "Min-Expires",
    "Min-SE",
    "Organization",
    "P-Access-Network-Info",
    "P-Asserted-Identity",
    "P-Called-Party-ID",
    "P-Charging-Vector",
    "P-Early-Media",
    "P-Preferred-Identity",
    "Path",
    "Priority",
    "Privacy",
    "Proxy-Authenticate",
    "Proxy-Authentication-Info",
    "Proxy-Authorization",
    "Proxy-Require",
    "RAck",
    "Reason",
    "Record-Route",
    "Recv-Info",
    "Refer-Sub",
    "Refer-To",
    "Referred-By",
    "Reject-Contact",
    "Remote-Party-ID",
    "Replaces",
    "Reply-To",
    "Request-Disposition",
    "Require",
    "Resource-Priority",
    "Retry-After",
    "Route",
    "RSeq",
    "Server",
    "Service-Route",
    "Session-Expires",
    "Session-ID",
    "SIP-ETag",
    "SIP-If-Match",
    "Subject",
    "Subscription-State",
    "Supported",
    "Target-Dialog",
    "Timestamp",
    "To",
    "Unsupported",
    "User-Agent",
    "User-to-User",
    "Via",
    "Warning",
    "WWW-Authenticate",
)

SPELLING = {name.lower(): name for name in _SPELLINGS}
"""Key → the spelling of the RFC that defines it."""

_PREFIX = {key: f"{name}: " for key, name in SPELLING.items()}

KEYS = {
    spelling: key for key, name in SPELLING.items() for spelling in (key, name, name.upper(), key.title())
}
"""Usual spellings, compact forms among them → key.

A closed table: names of a peer's invention are never added.
"""
KEYS.update(COMPACT)
KEYS.update({compact.upper(): key for compact, key in COMPACT.items()})


def key_of(name: str) -> str | None:
    """The key of a header name in any spelling, None when it isn't a token (RFC 3261 §25.1 header-name)."""
    key = KEYS.get(name)
    if key is not None:
        return key
    if not is_token(name):
        return None
    lower = name.lower()
    return COMPACT.get(lower, lower)


class Headers:
    """A multimap of header fields.

    Names may be given in any spelling; the key (lower case, long) is the fastest.
    """

    __slots__ = ("_spelling", "_values", "parsed")

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, tuple[str, ...]] = {}
        self._spelling: dict[str, str] | None = None
        self.parsed: dict[str, Any] = {}
        """What `message` has parsed, by key; forgotten for a key whenever that key's values change. Of an
        address that was only recognised, a tuple of its tag.
        """
        for name, value in fields:
            self.add(name, value)

    @classmethod
    def adopt(cls, values: dict[str, tuple[str, ...]], spelling: dict[str, str] | None) -> "Headers":
        """Take over lines by key, known to be without CR and LF; and spellings of names not in `SPELLING`."""
        headers = cls.__new__(cls)
        headers._values = values  # noqa: SLF001
        headers._spelling = spelling  # noqa: SLF001
        headers.parsed = {}
        return headers

    def get(self, name: str) -> str | None:
        """The first line of that name, None when there is none."""
        values = self._values.get(name)
        if values is None and (key := key_of(name)) != name and key is not None:
            values = self._values.get(key)
        return None if values is None else values[0]

    def all(self, name: str) -> list[str]:
        """Every line of that name, top first; a fresh list."""
        values = self._values.get(name)
        if values is None and (key := key_of(name)) != name and key is not None:
            values = self._values.get(key)
        return [] if values is None else list(values)

    def split(self, name: str) -> list[str]:
        """The elements of a comma-separated header over all its lines (RFC 3261 §7.3.1), top first.

        Not for headers whose grammar isn't a list (RFC 3261 §7.3.1 names WWW-Authenticate and its kin).
        Raises `SipSyntaxError` above `limits.LIST_ELEMENTS`.
        """
        values = self.all(name)
        return split_list(values[0] if len(values) == 1 else ",".join(values), name)

    def set(self, name: str, value: str) -> None:
        """Replace every line of that name by one.

        Raises `SipBuildError` when the name isn't a token, or the value holds CR, LF or NUL.
        """
        key = self._writable(name, value)
        self._values[key] = (value,)

    def add(self, name: str, value: str) -> None:
        """Append a line below those of that name. Raises as `set`."""
        key = self._writable(name, value)
        values = self._values
        values[key] = (*values[key], value) if key in values else (value,)

    def prepend(self, name: str, value: str) -> None:
        """Insert a line above those of that name. Raises as `set`."""
        key = self._writable(name, value)
        values = self._values
        values[key] = (value, *values[key]) if key in values else (value,)

    def extend(self, name: str, suffix: str) -> None:
        """Append text of ours to the first line of that name, if there is one, which stays as it came.

        Only the suffix is checked: a received value may hold a NUL in a quoted pair (RFC 4475 §3.1.1.2).
        Raises as `set`.
        """
        key = self._writable(name, suffix)
        values = self._values
        if key in values:
            first, *others = values[key]
            values[key] = (first + suffix, *others)

    def put(self, key: str, value: str) -> None:
        """`set` for a known key, checked only when the message is written: for what is ours through and
        through.
        """
        self._values[key] = (value,)
        if self.parsed:
            self.parsed.pop(key, None)

    def rewrite(self, key: str, lines: tuple[str, ...]) -> None:
        """Replace the lines of a known key by text made from what was received, which isn't checked again.

        It may hold a NUL in a quoted pair; a line break is still refused by `Message.to_bytes`.
        """
        self._values[key] = lines
        self.parsed.pop(key, None)

    def set_all(self, name: str, values: Iterable[str]) -> None:
        """Replace every line of that name by these, none of them when empty. Raises as `set`."""
        lines = tuple(values)
        key = None
        for value in lines:
            key = self._writable(name, value)
        if key is None:
            self.remove(name)
        else:
            self._values[key] = lines

    def remove(self, name: str) -> None:
        """Drop every line of that name; nothing happens when there is none."""
        key = key_of(name)
        if key is not None and self._values.pop(key, None) is not None:
            self.parsed.pop(key, None)
            if self._spelling is not None:
                self._spelling.pop(key, None)

    def copy(self) -> "Headers":
        """An independent copy."""
        spelling = self._spelling
        copy = Headers.adopt(self._values.copy(), None if spelling is None else spelling.copy())
        copy.parsed = self.parsed.copy()
        return copy

    def only(self, keys: Iterable[str]) -> "Headers":
        """An independent copy of the lines of these known keys, in the order of `keys`."""
        mine = self._values
        return Headers.adopt({key: mine[key] for key in keys if key in mine}, None)

    def fields(self) -> Iterator[tuple[str, str]]:
        """`(display name, value)` of every line: by name in order of first appearance, then in order."""
        for key, values in self._values.items():
            name = self.spelling(key)
            for value in values:
                yield name, value

    def unknown_fields(self) -> list[tuple[str, str]]:
        """`fields` of names that no table knows: `X-` fields and others of somebody's own."""
        values = self._values
        return [(self.spelling(key), value) for key in values if key not in SPELLING for value in values[key]]

    def keys(self) -> Iterable[str]:
        """The keys present, in order of first appearance."""
        return self._values.keys()

    def spelling(self, key: str) -> str:
        """How the name of `key` goes out."""
        name = SPELLING.get(key)
        if name is None:
            name = key if self._spelling is None else self._spelling.get(key, key)
        return name

    def lines(self) -> list[str]:
        """Every field but Content-Length as `Name: value`, without line ends."""
        values = self._values
        if self._spelling is None:
            try:
                return [
                    _PREFIX[key] + value for key in values for value in values[key] if key != "content-length"
                ]
            except KeyError:
                pass
        return [
            f"{self.spelling(key)}: {value}"
            for key in values
            for value in values[key]
            if key != "content-length"
        ]

    def _writable(self, name: str, value: str) -> str:
        if "\n" in value or "\r" in value or "\0" in value:
            refuse_breaks(value, f"the value of {name!r}")
        key = KEYS.get(name)
        if key is None:
            key = key_of(name)
            if key is None:
                raise SipBuildError(f"not a header name: {name[:80]!r}")
            if key not in SPELLING and name != key and key not in self._values:
                if self._spelling is None:
                    self._spelling = {}
                self._spelling[key] = name
        if self.parsed:
            self.parsed.pop(key, None)
        return key

    def __contains__(self, name: object) -> bool:
        if name in self._values:
            return True
        return isinstance(name, str) and key_of(name) in self._values

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return self.fields()

    def __len__(self) -> int:
        return sum(map(len, self._values.values()))

    def __repr__(self) -> str:
        return f"Headers({list(self.fields())!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._values == other._values
