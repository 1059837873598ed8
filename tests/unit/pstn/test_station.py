"""A station opens one address, speaks from it, and gives it back."""

import pytest

from tests.unit.pstn.ground import ANYWHERE, Ground, on_ground
from trunkline.errors import NetError
from trunkline.pstn.phone import Phone
from trunkline.pstn.station import Station
from trunkline.sip.ports import Address, Transport


def station(
    ground: Ground, bind: Address = ANYWHERE, transports: tuple[Transport, ...] = (Transport.UDP,)
) -> Station:
    user = Phone(
        clock=ground.clock,
        media=ground.engine(),
        locator=ground.resolver,
        token=ground.token,
        bind=ANYWHERE,
    )
    return Station(
        user,
        clock=ground.clock,
        locator=ground.resolver,
        token=ground.token,
        product="a test",
        bind=bind,
        transports=transports,
    )


def test_the_kernel_chooses_a_port_which_is_free_again_after_closing() -> None:
    async def open_twice(ground: Ground) -> None:
        first = station(ground)
        address = await first.start()
        assert address.port
        taken = station(ground, address)
        with pytest.raises(NetError):
            await taken.start()
        await taken.close()
        await first.close()
        await first.close()
        second = station(ground, address)
        assert await second.start() == address
        await second.close()

    on_ground(open_twice)


def test_session_ids_fit_an_origin_line() -> None:
    async def ask(ground: Ground) -> list[int]:
        one = station(ground)
        return [one.new_session_id() for _ in range(100)]

    ids = on_ground(ask)
    assert len(set(ids)) == 100
    assert all(0 <= one < 2**62 for one in ids)
