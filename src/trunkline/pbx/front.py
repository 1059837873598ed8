"""Writes the configuration of a Kamailio in front of the nodes: one address for customers, and the nodes
behind it.

Complete files with nothing left to edit, from templates, as `writer` does for PBXs. What they do is said in
the templates; what may stand in a value is checked here. What the nodes make of it is
`trunkline.net.fronts`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from trunkline.errors import ConfigError
from trunkline.net.flows import packed
from trunkline.net.fronts import HEADER
from trunkline.pbx.trunk_facts import checked_host
from trunkline.pbx.writer import ConfigFile
from trunkline.sip.ports import Address

FOLDER = "/etc/kamailio"
LIST = "dispatcher.list"
_TRANSPORTS = ("udp", "tcp", "tls")


@dataclass(frozen=True, slots=True)
class FrontNode:
    """One node, as the front reaches it."""

    name: str
    transport: str
    """`udp` or `tcp`."""
    address: Address


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the front itself listens: `udp:203.0.113.5:5060`."""

    transport: str
    address: Address

    @classmethod
    def parse(cls, text: str) -> "Listener":
        """Raises `ConfigError`."""
        transport, _, place = text.partition(":")
        host, _, port = place.rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        known = transport in _TRANSPORTS and packed(bare) is not None and (":" in bare) == (bare != host)
        if not (known and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ConfigError(
                f"{text!r} is no place to listen: say udp:ADDRESS:PORT, tcp:ADDRESS:PORT or "
                "tls:ADDRESS:PORT, such as udp:203.0.113.5:5060"
            )
        return cls(transport, Address(bare, int(port)))

    def __str__(self) -> str:
        return f"{self.transport}:{self.address}"


def write_front(
    domain: str, listeners: Sequence[Listener], nodes: Sequence[FrontNode], folder: str = FOLDER
) -> tuple[ConfigFile, ...]:
    """Its files, to be put into `folder`. Raises `ConfigError` without a listener or a node, or for a name
    that no file could hold.
    """
    checked_host(domain, "the service domain")
    if not listeners:
        raise ConfigError("the front needs an address to listen on")
    if not nodes:
        raise ConfigError("no node is known: start one first, and see trunkline node list")
    values = {
        "domain": domain,
        "listeners": listeners,
        "tls": any(each.transport == "tls" for each in listeners),
        "several": len({each.address.host for each in listeners}) > 1,
        "nodes": nodes,
        "header": HEADER,
        "folder": folder,
        "list": f"{folder}/{LIST}",
    }
    files = (("kamailio.cfg", f"{folder}/"), (LIST, f"{folder}/; after a change: kamcmd dispatcher.reload"))
    return tuple(
        ConfigFile(name, place, _templates.get_template(f"front/{name}.j2").render(values))
        for name, place in files
    )


_templates = Environment(
    loader=PackageLoader("trunkline.pbx"),
    autoescape=False,  # noqa: S701 - no markup: what stands in a value was checked
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
