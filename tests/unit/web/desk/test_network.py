"""What the node knows, and whose it is."""

import time
from pathlib import Path

import pytest

from tests.unit.net.certificates import self_signed
from tests.unit.web.customers import ALPHA, BETA, OPERATOR, office_of, principal
from tests.unit.web.paper_node import PaperNode
from trunkline.call.record import Direction
from trunkline.config import Settings
from trunkline.store.errors import NotFoundError
from trunkline.trunk.e164 import MalformedNumber
from trunkline.web.control_client import NoNodeError
from trunkline.web.desk.counter import Counter
from trunkline.web.desk.network import NetworkDesk
from trunkline.web.errors import NotAllowedError
from trunkline.web.office import Office
from trunkline.web.views import Question


def test_an_operator_sees_all_and_a_customer_the_own(office: Office) -> None:
    desk = office.desk(principal(OPERATOR)).network
    assert [one.account for one in desk.registrations()] == ["alpha", "beta"]
    assert {one.account for one in desk.health()} == {None, "alpha", "beta"}
    desk = office.desk(principal(BETA.key)).network
    assert [one.account for one in desk.registrations()] == ["beta"]
    assert [one.number for one in desk.health()] == [BETA.e164]
    assert [one.account for one in desk.pbx("beta").registrations] == ["beta"]


def test_anothers_pbx_does_not_exist(office: Office) -> None:
    with pytest.raises(NotFoundError):
        office.desk(principal(ALPHA.key)).network.pbx("beta")


def test_bans_and_load_are_the_operators(office: Office, node: PaperNode) -> None:
    desk = office.desk(principal(ALPHA.user)).network
    for act in (
        desk.bans,
        lambda: desk.ban("192.0.2.7", "rude", 60.0),
        lambda: desk.lift_ban("192.0.2.66"),
        desk.stats,
        desk.media_ports,
        desk.drain,
    ):
        with pytest.raises(NotAllowedError):
            act()
    assert (len(node.banned), node.draining) == (2, [])
    desk = office.desk(principal(OPERATOR)).network
    desk.lift_ban("192.0.2.66")
    assert [ban.source for ban in desk.bans()] == ["2001:db8::/64"]
    with pytest.raises(NotFoundError, match="ban '192"):
        desk.lift_ban("192.0.2.66")
    assert (desk.stats().bans, desk.media_ports().first) == (1, 10000)
    assert desk.drain(5.0).draining
    assert node.draining == [5.0]


def test_the_certificate_is_the_operators(office: Office, tmp_path: Path) -> None:
    with pytest.raises(NotAllowedError):
        office.desk(principal(ALPHA.user)).network.certificate_ends_at()
    assert office.desk(principal(OPERATOR)).network.certificate_ends_at() is None
    made = self_signed(tmp_path, "sip.example.net").certificate
    settings = Settings.parse(f'[tls]\ncertificate = "{made}"\n')
    counter = Counter(principal(OPERATOR), office.store, office.node, settings)
    ends_at = NetworkDesk(counter).certificate_ends_at()
    assert ends_at == pytest.approx(time.time() + 86_400, abs=60)
    made.write_text("no certificate")
    assert NetworkDesk(counter).certificate_ends_at() is None


def test_a_customer_asks_about_own_calls(office: Office, node: PaperNode) -> None:
    desk = office.desk(principal(ALPHA.key)).network
    own = (Question(Direction.OUTBOUND, "1555", "alpha"), Question(Direction.INBOUND, f"+{ALPHA.e164}"))
    for question in own:
        assert desk.explain(question).steps
    for foreign in (
        Question(Direction.OUTBOUND, "1555", "beta"),
        Question(Direction.OUTBOUND, "1555"),
        Question(Direction.INBOUND, BETA.e164),
        Question(Direction.INBOUND, "441632960099"),
    ):
        with pytest.raises(NotFoundError):
            desk.explain(foreign)
    with pytest.raises(MalformedNumber):
        desk.explain(Question(Direction.INBOUND, "12"))
    assert node.asked == [*own]
    office.desk(principal(OPERATOR)).network.explain(Question(Direction.INBOUND, "12"))


def test_without_a_node_nothing_is_known(home: object, office: Office) -> None:
    away = office_of(office.settings.node.data_dir, None)
    with pytest.raises(NoNodeError):
        away.desk(principal(OPERATOR)).network.registrations()
    away.close()


def test_a_glance_is_of_everything_or_of_the_own(office: Office) -> None:
    everything = office.desk(principal(OPERATOR)).network.glance()
    assert (everything.calls, len(everything.bans), everything.usage) == (2, 2, None)
    own = office.desk(principal(BETA.key)).network.glance()
    assert (own.calls, own.bans, own.stats, own.media_ports) == (1, (), None, None)
    assert {one.account for one in own.down} == {"beta"}
    assert own.usage is not None
