"""The Nexmo app over a store with two accounts and some numbers for sale."""

from collections.abc import Iterator

import httpx
import pytest

from tests.unit.web import in_process
from trunkline.store.stock import Feature, NumberKind, StockNumber
from trunkline.trunk.account import Account
from trunkline.web.nexmo.app import nexmo_app
from trunkline.web.office import Office

KEY, SECRET = "abcd1234", "Mary-had-a-Little-1"
OTHER, OTHER_SECRET = "ef567890", "Its-Fleece-was-White-2"
LONDON = StockNumber("442079460001", "GB", price_cents=150)
MOBILE = StockNumber("447700900001", "GB", NumberKind.MOBILE, (Feature.SMS, Feature.VOICE), 90)
BERLIN = StockNumber("493012345001", "DE")


@pytest.fixture
def office(office: Office) -> Office:
    store = office.store
    store.accounts.add(Account(KEY), SECRET)
    store.accounts.add(Account(OTHER), OTHER_SECRET)
    store.credit.add(KEY, 1028)
    store.stock.add([LONDON, MOBILE, BERLIN])
    return office


@pytest.fixture
def client(office: Office) -> Iterator[httpx.Client]:
    """Signed in as `KEY`."""
    with in_process.client(nexmo_app(office), (KEY, SECRET)) as client:
        yield client


@pytest.fixture
def stranger(office: Office) -> Iterator[httpx.Client]:
    """Not signed in."""
    with in_process.client(nexmo_app(office)) as client:
        yield client
