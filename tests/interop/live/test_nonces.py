"""A request that was overheard is good at no node: neither where its nonce was made nor elsewhere."""

import re
import socket
from pathlib import Path

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.live.site import CARRIER, running_site
from tests.interop.node import DOMAIN, KEY, SECRET, Node
from trunkline.sip.digest import answer_challenge
from trunkline.sip.message import Response
from trunkline.sip.parse import parse_message

pytestmark = pytest.mark.timeout(300)

CUSTOMER = "127.0.0.88"
URI = f"sip:442071838750@{DOMAIN}"


class Customer:
    """Sends bytes, and reads the final answers."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((CUSTOMER, free_port(CUSTOMER)))
        self._socket.settimeout(30)
        self._calls = 0

    def close(self) -> None:
        self._socket.close()

    def invite(self, credentials: str | None = None) -> bytes:
        self._calls += 1
        host, port = self._socket.getsockname()
        name = f"{self._calls}-{port}"
        lines = [
            f"INVITE {URI} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{name};rport",
            "Max-Forwards: 70",
            f"From: <sip:me@{DOMAIN}>;tag={name}",
            f"To: <{URI}>",
            f"Call-ID: {name}",
            "CSeq: 1 INVITE",
            f"Contact: <sip:me@{host}:{port}>",
            *([] if credentials is None else [f"Proxy-Authorization: {credentials}"]),
            "Content-Length: 0",
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def final(self, node: Node, invite: bytes) -> Response:
        """The answer to `invite`, acknowledged."""
        self._socket.sendto(invite, (node.host, node.port))
        call_id = _call_id(invite)
        while True:
            response = parse_message(self._socket.recv(65_535))
            if isinstance(response, Response) and response.call_id == call_id and response.status >= 200:
                break
        ack = re.sub(rb"\r\n(Proxy-Authorization|Contact|To):[^\r]*", b"", invite).replace(b"INVITE", b"ACK")
        to = f"\r\nTo: {response.headers.get('to')}\r\nCSeq:"
        self._socket.sendto(ack.replace(b"\r\nCSeq:", to.encode()), (node.host, node.port))
        return response

    def challenged(self, node: Node) -> list[str]:
        """By `node`."""
        response = self.final(node, self.invite())
        assert response.status == 407
        return response.headers.all("proxy-authenticate")

    def answer(self, values: list[str]) -> bytes:
        """A call with credentials."""
        return self.invite(answer_challenge(values, "INVITE", URI, KEY, SECRET, "cnonce"))


def _call_id(invite: bytes) -> str:
    found = re.search(rb"Call-ID: (\S+)", invite)
    assert found is not None
    return found[1].decode()


def again(invite: bytes) -> bytes:
    """It as a new transaction, and a call of its own: only the credentials are those of before."""
    name = _call_id(invite).encode()
    return invite.replace(name, b"again-" + name)


def test_a_call_that_was_overheard_is_refused_at_both_nodes(tmp_path: Path) -> None:
    customer = Customer()
    try:
        with running_site(tmp_path, 2, free_port(CARRIER)) as site:
            here, there = site.nodes
            names = {here: "node-1", there: "node-2"}
            for answered, other in ((here, there), (there, here)):
                invite = customer.answer(customer.challenged(here))
                assert customer.final(answered, invite).status not in (401, 403, 407), (
                    "nobody is at the carrier"
                )
                placed = here.record(_call_id(invite))
                assert (placed["account"], placed["node"]) == (KEY, names[answered])
                for node in (other, answered):
                    refused = customer.final(node, again(invite))
                    assert refused.status == 407
                    assert all("stale=true" in one for one in refused.headers.all("proxy-authenticate"))
            values = customer.challenged(here)
            here.kill()
            refused = customer.final(there, customer.answer(values))
            assert refused.status == 407, "nobody can tell whether it was used"
            invite = customer.answer(refused.headers.all("proxy-authenticate"))
            assert customer.final(there, invite).status not in (401, 403, 407)
            values = customer.challenged(there)
            site.server.kill()
            wait_for("no server", lambda: there.gauge("live_exact") == 0)
            last = customer.answer(values)
            assert customer.final(there, last).status not in (401, 403, 407)
            for one in invite, last:
                there.record(_call_id(one))
            calls = there.command("calls", "--limit", "20")
            assert len(calls) == 4, "nothing of the repetitions"
    finally:
        customer.close()
