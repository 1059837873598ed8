"""All desks of one principal."""

from trunkline.web.desk.accounts import AccountDesk
from trunkline.web.desk.answers import AnswerDesk
from trunkline.web.desk.calls import CallDesk
from trunkline.web.desk.carriers import CarrierDesk, RouteDesk
from trunkline.web.desk.connect import ConnectDesk
from trunkline.web.desk.counter import Counter
from trunkline.web.desk.network import NetworkDesk
from trunkline.web.desk.nodes import NodesDesk
from trunkline.web.desk.numbers import NumberDesk
from trunkline.web.desk.people import PeopleDesk
from trunkline.web.desk.stock import StockDesk
from trunkline.web.desk.webhooks import WebhookDesk


class Desk:
    """Everything below blocks, and raises `NotAllowedError`, `NotFoundError` and what the store and the node
    raise."""

    def __init__(self, counter: Counter) -> None:
        self.principal = counter.principal
        self.accounts = AccountDesk(counter)
        self.numbers = NumberDesk(counter)
        self.stock = StockDesk(counter)
        self.calls = CallDesk(counter)
        self.carriers = CarrierDesk(counter)
        self.routes = RouteDesk(counter)
        self.network = NetworkDesk(counter)
        self.nodes = NodesDesk(counter)
        self.connect = ConnectDesk(counter)
        self.people = PeopleDesk(counter)
        self.webhooks = WebhookDesk(counter)
        self.answers = AnswerDesk(counter)
