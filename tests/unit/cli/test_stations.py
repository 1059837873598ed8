import asyncio

import pytest

from trunkline.cli.stations import Ground, on_ground


def test_work_runs_on_a_loop_with_a_clock_and_its_result_comes_back() -> None:
    async def work(ground: Ground) -> str:
        fired = asyncio.get_running_loop().create_future()
        ground.clock.at(ground.clock.now(), lambda: fired.set_result("fired"))
        return str(await fired)

    assert on_ground(None, work) == "fired"


def test_a_fault_in_a_timer_is_raised_in_the_end() -> None:
    def fail() -> None:
        raise KeyError

    async def work(ground: Ground) -> None:
        passed = asyncio.get_running_loop().create_future()
        ground.clock.at(ground.clock.now(), fail)
        ground.clock.at(ground.clock.now(), lambda: passed.set_result(None))
        await passed

    with pytest.raises(KeyError):
        on_ground(None, work)


def test_tokens_differ() -> None:
    async def work(ground: Ground) -> tuple[str, str]:
        return ground.token(), ground.token()

    first, second = on_ground(None, work)
    assert first != second
