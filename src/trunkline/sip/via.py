"""Via (RFC 3261 §20.42) with `rport` (RFC 3581) and `received`.

Reads one element; splitting a line with several is `grammar.split_list`. Who fills in `received` is `stack`.
"""

import ipaddress
import re
from typing import Final

from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.grammar import Params, parse_params, print_params

_VIA = re.compile(
    r"SIP[ \t]*+/[ \t]*+2\.0[ \t]*+/[ \t]*+([A-Za-z0-9\-.!%*_+`'~]++)[ \t]++"
    r"([A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)*+\.?|\[[0-9A-Fa-f:.]++\])[ \t]*+"
    r"(?::[ \t]*+([0-9]{1,5})[ \t]*+)?(;.*)?",
    re.IGNORECASE | re.DOTALL,
).fullmatch

MAGIC_COOKIE = "z9hG4bK"
"""RFC 3261 §8.1.1.7: a branch that begins so is unique; any other one is of RFC 2543."""


class Via:
    """One hop. Immutable."""

    __slots__ = ("host", "params", "port", "transport")

    def __init__(self, transport: str, host: str, port: int | None, params: Params) -> None:
        self.transport: Final = transport
        """Upper case; may be one that Trunkline doesn't speak."""
        self.host: Final = host
        """sent-by host in lower case, IPv6 without brackets."""
        self.port: Final = port
        """sent-by port, None when not given."""
        self.params: Final = params
        """Names in lower case, values as received."""

    @classmethod
    def parse(cls, text: str) -> "Via":
        """Read one element. Raises `SipSyntaxError`."""
        match = _VIA(text)
        if match is None:
            raise SipSyntaxError("Via", "malformed protocol or sent-by")
        transport, host, port_text, params_text = match.groups()
        if host[0] == "[":
            host = host[1:-1]
            try:
                ipaddress.IPv6Address(host)
            except ValueError:
                raise SipSyntaxError("Via", "malformed IPv6 address", offset=match.start(2)) from None
        port: int | None = None
        if port_text is not None:
            port = int(port_text)
            if not 0 < port < 65536:
                raise SipSyntaxError("Via", "port out of range", offset=match.start(3))
        params = parse_params(params_text, "Via") if params_text else {}
        return cls(transport.upper(), host.lower(), port, params)

    @property
    def branch(self) -> str | None:
        """The branch parameter, with its cookie if it has one."""
        return self.params.get("branch")

    @property
    def received(self) -> str | None:
        """The source address that the next hop saw, IPv6 without brackets (RFC 5118 §4.5 takes both forms)."""
        value = self.params.get("received")
        return None if value is None else value.strip("[]")

    @property
    def rport(self) -> int | None:
        """The port that the next hop saw (RFC 3581); None when absent, empty or not a port."""
        value = self.params.get("rport")
        if value and value.isdecimal() and value.isascii() and len(value) <= 5:
            port = int(value)
            return port if 0 < port < 65536 else None
        return None

    @property
    def wants_rport(self) -> bool:
        """True when the sender asks for responses to the port that it sent from (RFC 3581 §3)."""
        return "rport" in self.params

    @property
    def sent_by(self) -> str:
        """`host` or `host:port`, as compared by RFC 3261 §18.1.2 and §17.2.3."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    def with_params(self, **params: str | None) -> "Via":
        """A copy with these parameters set."""
        return Via(self.transport, self.host, self.port, {**self.params, **params})

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {self.sent_by}{print_params(self.params)}"

    def __repr__(self) -> str:
        return f"Via({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Via) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))
