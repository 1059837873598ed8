"""What comes of what the doorman tells: a right password makes a source known at the gate, wrong ones shut it
out; and whoever asks why a PBX doesn't get in finds it in the visits.
"""

import structlog

from trunkline.net.admission import Gate
from trunkline.net.guessing import Guessing
from trunkline.node.visits import Visits
from trunkline.sip.fronted import source_of
from trunkline.sip.ports import Flow

WELCOME_S = 24 * 3600.0
"""How long a source counts as known after its password was right. So long that forged datagrams shut out no
PBX that places no call overnight, or registers every two hours (`registrar.max_expires_s`)."""


class Doorbook:
    """The `DoorEvents` of a node."""

    def __init__(self, gate: Gate, guessing: Guessing, visits: Visits) -> None:
        self._gate = gate
        self._guessing = guessing
        self._visits = visits
        self._log = structlog.get_logger()

    def signed_in(self, flow: Flow) -> None:
        """The password was right."""
        self._gate.vouch(source_of(flow).host, WELCOME_S)

    def password_wrong(self, flow: Flow, username: str) -> None:
        """It was not; after too many of those the source is banned."""
        self._visits.refused(flow, username)
        host = source_of(flow).host
        if self._guessing.wrong(host):
            self._log.warning("banned for wrong passwords", source=host, username=username)

    def other_realm_answered(self, flow: Flow, username: str, realm: str) -> None:
        """Credentials came that are good for another realm only."""
        self._visits.refused(flow, username, realm)

    def came_without(self, flow: Flow, username: str) -> None:
        """A REGISTER for a user name came without credentials."""
        self._visits.without(flow, username)
