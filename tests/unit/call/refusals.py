"""What a caller is told when a call is refused."""

from tests.simulation.phone import Phone
from tests.simulation.world import World
from trunkline.sip.message import Response


def refused(world: World, phone: Phone | None = None) -> Response:
    """The refusal that the customer got."""
    world.clock.advance(1)
    phone = world.customer if phone is None else phone
    response = phone.responses[-1]
    assert phone.events[-1] == f"rejected {response.status}"
    return response


def error_id(response: Response) -> str:
    """The slug in Reason."""
    return response.headers.all("reason")[0].partition('text="')[2].rstrip('"')
