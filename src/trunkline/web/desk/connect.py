"""Connecting an account's PBX, a customer's own: its configuration, and what has been seen of it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from trunkline.config.edges import Advice, PublishedEdge, advice
from trunkline.config.zone import Record, zone_records
from trunkline.pbx.sighting import Finding, findings
from trunkline.pbx.trunk_facts import UNKNOWN_SECRET
from trunkline.pbx.writer import ConfigFile, Kind, write
from trunkline.web.desk.counter import Counter
from trunkline.web.edge_list import calling_edges, edges_of
from trunkline.web.pbx_setup import check_secret, sighting, trunk_facts


@dataclass(frozen=True, slots=True)
class Setup:
    """What somebody wants a configuration for."""

    kind: Kind
    tls: bool = False
    srtp: bool = False
    number: str | None = None
    """The number to present; None: the account's first."""
    secret: str = UNKNOWN_SECRET


class Addresses(NamedTuple):
    """What a PBX sends to and has to let in."""

    domain: str
    edges: Sequence[PublishedEdge]
    sources: Sequence[str]
    """IP addresses that calls come from: those of the edges, and of nodes behind a front."""
    media_ports: tuple[int, int]
    records: Sequence[Record]
    """The DNS records that lead to the edges."""
    advice: Sequence[Advice]
    """What to enter in each region where SRV is not known."""


class ConnectDesk:
    """See the module."""

    def __init__(self, counter: Counter, wall: Callable[[], float] = time.time) -> None:
        self._counter = counter
        self._wall = wall

    def addresses(self) -> Addresses:
        """The same for everybody. Raises `ConfigError` while no address of the service is known."""
        settings = self._counter.settings
        media = settings.media
        edges = edges_of(settings, self._counter.store)
        return Addresses(
            settings.service.domain,
            edges,
            _addresses(calling_edges(settings, self._counter.store)),
            (media.port_min, media.port_max),
            zone_records(settings, edges),
            advice(edges, settings.service.domain),
        )

    def files(self, account: str, setup: Setup) -> Sequence[ConfigFile]:
        """The configuration, every file of it. Raises `ConfigError`, `PbxError` for what no file can hold,
        and for a secret that is not the account's."""
        counter = self._counter
        counter.check_sees(account, "account", account)
        facts = trunk_facts(
            counter.settings,
            counter.store,
            account,
            tls=setup.tls,
            srtp=setup.srtp,
            number=setup.number,
            secret=setup.secret,
        )
        files = write(setup.kind, facts)
        if setup.secret != UNKNOWN_SECRET:
            check_secret(counter.store, account, setup.secret)
        return files

    def findings(self, account: str) -> Sequence[Finding]:
        """What has been seen of the PBX, and what is wrong. Raises `ControlError` while no node answers."""
        counter = self._counter
        counter.check_sees(account, "account", account)
        return findings(sighting(counter.store, counter.node.client(), account, self._wall()))


def _addresses(edges: Sequence[PublishedEdge]) -> Sequence[str]:
    return tuple(dict.fromkeys(address for edge in edges for address in edge.addresses))
