"""The first page of a service on which something is wrong: what it warns of was really seen."""

import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Open
from tests.e2e.dialling import dial, guess_until_banned
from tests.e2e.peers import PBX, carrier_call
from tests.e2e.site import NUMBER, OPERATOR, OTHER_KEY, Site, running_site
from tests.interop.addresses import wait_for
from tests.interop.node import DOMAIN, HOST, KEY, Node
from tests.unit.net.test_tls import exactly

OLD, STRANGER = "127.0.0.42", "127.0.0.43"
SETTINGS = {"forwarding.health_failures": 1, "forwarding.health_window": 1, "limits.ban_failures": 3}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """On which one failure of an endpoint is enough."""
    with running_site(tmp_path_factory.mktemp("overview") / "node", SETTINGS) as site:
        yield site


def over(node: Node) -> list[str]:
    """The ids of the calls that are over."""
    return [row["call_id"] for row in node.command("calls") if row["verdict"] != "open"]


def ask_over_tls_1_0(site: Site) -> None:
    """The PBX asks whether the service is there, as it did in 2006."""
    with (
        socket.create_connection((HOST, site.node.tls_port), 10, (OLD, 0)) as plain,
        exactly("1.0").wrap_socket(plain) as line,
    ):
        assert line.version() == "TLSv1"
        head = (
            f"OPTIONS sip:{DOMAIN} SIP/2.0",
            f"Via: SIP/2.0/TLS {OLD}:5061;branch=z9hG4bKold",
            f"From: <sip:{KEY}@{DOMAIN}>;tag=1",
            f"To: <sip:{DOMAIN}>",
            "Call-ID: old",
            "CSeq: 1 OPTIONS",
            "Max-Forwards: 70",
            "Content-Length: 0",
        )
        line.sendall("\r\n".join((*head, "", "")).encode())
        assert line.recv(65536).startswith(b"SIP/2.0 200")


@pytest.mark.timeout(300)  # five phones, one after the other
def test_what_needs_looking_at(site: Site, open_page: Open) -> None:
    page, customer, other = open_page(OPERATOR), open_page(KEY), open_page(OTHER_KEY)
    for one in (page, customer):
        one.goto("/")
        expect(one.get_by_text("spoke TLS")).to_have_count(0)
    site.node.command("number", "forward", NUMBER, f"sip:100@{PBX}:9;timeout=2000")
    call_id, _ = carrier_call(site)
    site.node.record(call_id)
    dial(site.node, OLD)
    ask_over_tls_1_0(site)
    guess_until_banned(site.node, STRANGER)
    wait_for("both records", lambda: len(over(site.node)) == 2)

    page.reload()
    notices = page.locator("#notices")
    expect(notices).to_contain_text(f"Somebody at {OLD} spoke TLSv1")
    expect(notices).to_contain_text("TLS 1.0 is allowed")
    expect(notices).to_contain_text(f"Endpoint sip:100@{PBX}:9 of +{NUMBER} is down")
    expect(notices).to_contain_text(f"Banned: {STRANGER}")
    reasons = page.get_by_role("img", name="Failures by reason")
    expect(reasons).to_be_visible()
    expect(page.locator(".reasons")).to_contain_text("The far end can't be reached.")
    expect(page.locator(".figure", has_text="Failed today")).to_contain_text("2")
    expect(page.get_by_role("img", name="Calls over time")).to_be_visible()
    expect(page.get_by_role("heading", name="Node sip-test1")).to_be_visible()

    customer.reload()
    notices = customer.locator("#notices")
    expect(notices).to_contain_text(f"The PBX of account {KEY} at {OLD} spoke TLSv1")
    expect(notices).to_contain_text(f"+{NUMBER} is down")
    expect(notices).not_to_contain_text("Banned")
    other.goto("/")
    expect(other.locator("#notices")).to_have_count(0)
