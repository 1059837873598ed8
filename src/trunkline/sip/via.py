"""Via (RFC 3261 §20.42) with `rport` (RFC 3581) and `received`.

Reads one element; splitting a line with several is `grammar.split_list`. Who fills in `received` is `stack`.
"""

import re
from typing import Final

from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.grammar import HOST, NO_PARAMS, TOKEN, Params, parse_params, print_params
from trunkline.sip.uri import ipv6_of

_USUAL = re.compile(rf"(SIP/2\.0)/([A-Z]++) ({HOST})(?::([0-9]{{1,5}}))?(;.*+)?", re.DOTALL).fullmatch
_ANY = re.compile(
    rf"({TOKEN}++[ \t]*+/[ \t]*+{TOKEN}++)[ \t]*+/[ \t]*+({TOKEN}++)[ \t]++({HOST})[ \t]*+"
    r"(?::[ \t]*+([0-9]{1,5})[ \t]*+)?(;.*+)?",
    re.DOTALL,
).fullmatch

MAGIC_COOKIE = "z9hG4bK"
"""RFC 3261 §8.1.1.7: a branch that begins so is unique; any other one is of RFC 2543."""


class Via:
    """One hop. Immutable."""

    __slots__ = ("host", "params", "port", "protocol", "transport")

    def __init__(
        self, transport: str, host: str, port: int | None, params: Params, protocol: str = "SIP/2.0"
    ) -> None:
        self.transport: Final = transport
        """Upper case; may be one that Trunkline doesn't speak."""
        self.host: Final = host
        """sent-by host in lower case, IPv6 without brackets."""
        self.port: Final = port
        """sent-by port, None when not given."""
        self.params: Final = params
        """Names in lower case, values as received."""
        self.protocol: Final = protocol
        """`SIP/2.0`; the parser refuses a top Via of another one."""

    @classmethod
    def parse(cls, text: str) -> "Via":
        """Read one element. Raises `SipSyntaxError`."""
        match = _USUAL(text) or _ANY(text)
        if match is None:
            raise SipSyntaxError("Via", "malformed protocol or sent-by")
        protocol, transport, host, port_text, params_text = match.groups()
        if host[0] == "[":
            host = ipv6_of(host, "Via")
        port: int | None = None
        if port_text is not None:
            port = int(port_text)
            if not 0 < port < 65536:
                raise SipSyntaxError("Via", "port out of range", offset=match.start(4))
        if protocol != "SIP/2.0":
            protocol = "".join(protocol.split()).upper()
        params = parse_params(params_text, "Via") if params_text else NO_PARAMS
        return cls(transport.upper(), host.lower(), port, params, protocol)

    @property
    def branch(self) -> str | None:
        """The branch parameter, with its cookie if it has one; None when absent or empty."""
        return self.params.get("branch") or None

    @property
    def received(self) -> str | None:
        """The source address that the next hop saw, IPv6 without brackets (RFC 5118 §4.5: both come)."""
        value = self.params.get("received")
        return None if value is None else value.strip("[]")

    @property
    def sent_by(self) -> str:
        """`host` or `host:port`, as compared by RFC 3261 §18.1.2 and §17.2.3."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    def with_params(self, **params: str | None) -> "Via":
        """A copy with these parameters set."""
        return Via(self.transport, self.host, self.port, {**self.params, **params}, self.protocol)

    def __str__(self) -> str:
        return f"{self.protocol}/{self.transport} {self.sent_by}{print_params(self.params)}"

    def __repr__(self) -> str:
        return f"Via({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Via) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))
