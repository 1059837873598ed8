"""Whose PBX is whose."""

import pytest

from tests.unit.web.customers import ALPHA, BETA, OPERATOR, principal
from trunkline.config import Settings
from trunkline.pbx.trunk_facts import PbxError
from trunkline.pbx.writer import Kind
from trunkline.store.errors import NotFoundError
from trunkline.web.desk.connect import ConnectDesk, Setup
from trunkline.web.desk.counter import Counter
from trunkline.web.office import Office


def desk(office: Office, who: str) -> ConnectDesk:
    settings = Settings.parse('[sip]\nadvertised_host = "203.0.113.5"\n')
    return ConnectDesk(Counter(principal(who), office.store, office.node, settings), lambda: 1000.0)


def test_a_customers_own_pbx(office: Office) -> None:
    own = desk(office, ALPHA.key)
    (file,) = own.files("alpha", Setup(Kind.GENERIC, secret="alpha-s3cret"))
    assert "alpha-s3cret" in file.text
    assert ALPHA.e164 in file.text
    assert {finding.name for finding in own.findings("alpha")} >= {"Password", "Registration", "Call out"}


def test_anothers_pbx_does_not_exist(office: Office) -> None:
    own = desk(office, ALPHA.key)
    with pytest.raises(NotFoundError):
        own.files(BETA.key, Setup(Kind.GENERIC))
    with pytest.raises(NotFoundError):
        own.findings(BETA.key)
    assert desk(office, OPERATOR).files(BETA.key, Setup(Kind.GENERIC))


def test_a_secret_that_no_file_could_hold(office: Office) -> None:
    with pytest.raises(PbxError):
        desk(office, ALPHA.key).files("alpha", Setup(Kind.GENERIC, secret="a;b"))


def test_addresses_are_the_same_for_everybody(office: Office) -> None:
    known = desk(office, ALPHA.key).addresses()
    assert known == desk(office, OPERATOR).addresses()
    assert known.edges[0].addresses == ("203.0.113.5",)
    assert {record.kind for record in known.records} == {"NAPTR", "SRV", "A"}
