"""Two customers who must not see each other's anything, an operator, and a line to a node of paper."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from tests.unit.store.entities import attempt_record, ended_call
from tests.unit.web.paper_node import CALL, HEALTH, REGISTRATION, PaperNode
from trunkline.config import Settings
from trunkline.sip.uri import SipUri
from trunkline.store import schema
from trunkline.store.audit import Via
from trunkline.store.group_commit import Group, GroupWriter
from trunkline.store.record_rows import attempt_row, call_row
from trunkline.store.store import Store
from trunkline.store.users import Role, User
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier, CarrierCredentials, Gateway
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.number import Number
from trunkline.trunk.routes import Route, RouteCarrier
from trunkline.web.control import control_app
from trunkline.web.control_client import ControlClient, NoNodeError
from trunkline.web.node_line import NodeLine
from trunkline.web.office import Office
from trunkline.web.principal import Principal

PASSWORD = "a long password"
OPERATOR = "op"


@dataclass(frozen=True)
class Customer:
    """What each of the two has one of."""

    key: str
    e164: str

    @property
    def secret(self) -> str:
        return f"{self.key}-s3cret"

    @property
    def user(self) -> str:
        return f"ann@{self.key}.example"

    @property
    def call_id(self) -> str:
        return f"call-{self.key}"

    @property
    def live_call_id(self) -> str:
        return f"live-{self.key}"


ALPHA = Customer("alpha", "441632960001")
BETA = Customer("beta", "441632960002")
CUSTOMERS = (ALPHA, BETA)


def make_old(store: Store) -> None:
    """Let all accounts be older than any call."""
    with store.database.write() as connection:
        connection.execute(schema.account.update().values(created_at=0.0))


def give_key_again(store: Store, customer: Customer) -> float:
    """Remove the account, and make another one with its key. When that was."""
    store.numbers.remove(customer.e164)
    store.accounts.remove(customer.key)
    store.accounts.add(Account(customer.key), customer.secret)
    return store.accounts.created_at(customer.key)


def furnish(store: Store) -> None:
    """Everything that there is one of each of."""
    store.users.add(User(OPERATOR, Role.OPERATOR), PASSWORD)
    for customer in CUSTOMERS:
        key = customer.key
        store.accounts.add(Account(key, name=f"{key} Ltd"), customer.secret)
        store.users.add(User(customer.user, Role.CUSTOMER, key), PASSWORD)
        forwarding = ForwardingList.parse(f"100@up.{key}.example, 100@off.{key}.example;timeout=2000")
        store.numbers.add(Number(customer.e164, key, forwarding))
        record = ended_call(customer.call_id, account=key)
        put = {
            "call": [call_row(record, "run")],
            "attempt": [attempt_row(attempt_record(customer.call_id), "run")],
        }
        writer = GroupWriter(store.database)
        writer.write([Group(put, {})])
        writer.close()
    make_old(store)
    gateway = Gateway(SipUri.parse("sip:up.carrier.example"))
    store.carriers.add(
        Carrier("upstream", (gateway,), credentials=CarrierCredentials("us", "carrier-s3cret"))
    )
    store.routes.add(Route("44", (RouteCarrier("upstream"),)))


def busy_node() -> PaperNode:
    """A node on which each customer has a call up, a device registered and an endpoint down."""
    gateway = replace(HEALTH, uri="sip:up.carrier.example", number=None, account=None, carrier="upstream")
    return PaperNode(
        live=[replace(CALL, call_id=one.live_call_id, account=one.key) for one in CUSTOMERS],
        registered=[replace(REGISTRATION, account=one.key) for one in CUSTOMERS],
        targets=[
            gateway,
            *(
                replace(HEALTH, uri=f"sip:100@off.{one.key}.example", number=one.e164, account=one.key)
                for one in CUSTOMERS
            ),
        ],
    )


class PaperLine(NodeLine):
    """A line to `node`; None: nobody answers."""

    def __init__(self, node: PaperNode | None) -> None:
        super().__init__(Path("control.sock"))
        self.node = node

    def client(self) -> ControlClient:
        if self.node is None:
            raise NoNodeError("no node answers at control.sock")
        return ControlClient(Path("control.sock"), transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        assert self.node is not None
        app = httpx.ASGITransport(control_app(self.node))

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=app) as client:
                response = await client.send(request)
                return httpx.Response(
                    response.status_code, headers=response.headers, content=response.content
                )

        return asyncio.run(ask())


def office_of(home: Path, node: PaperNode | None, **web: object) -> Office:
    """The office over what `furnish` put into `home`, with `web` as its settings."""
    sip = {"advertised_host": "203.0.113.5"}
    settings = Settings(node={"data_dir": home}, web=web, sip=sip)  # type: ignore[arg-type]
    store = Store.open(settings.database_url, settings.key_file, settings.service.domain)
    return Office(settings, store, PaperLine(node))


def principal(name: str) -> Principal:
    """The operator, an account by its key, or a user, as signed in."""
    source = "192.0.2.7"
    for customer in CUSTOMERS:
        if name == customer.key:
            return Principal(name, Role.CUSTOMER, name, Via.API, source, by_key=True)
        if name == customer.user:
            return Principal(name, Role.CUSTOMER, customer.key, Via.API, source)
    return Principal(name, Role.OPERATOR, None, Via.API, source)
