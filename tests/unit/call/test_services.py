"""The ids that calls get."""

from tests.simulation.world import World


def test_call_ids_are_alike_in_length_and_sort_by_time() -> None:
    world = World()
    services = world.node.services
    ids = []
    for _ in range(5):
        ids.append(services.new_call_id())
        world.clock.advance(0.001)
    assert ids == sorted(ids)
    assert len(set(ids)) == 5
    assert {len(one) for one in ids} == {11 + len(services.token())}
    assert int(ids[0][:11], 16) == int((world.clock.wall() - 0.005) * 1000)


def test_call_ids_of_one_moment_differ() -> None:
    services = World().node.services
    assert len({services.new_call_id() for _ in range(100)}) == 100


def test_session_ids_are_62_bits() -> None:
    services = World().node.services
    services.token = lambda: "f" * 16
    assert services.new_session_id() == 2**62 - 1
    services.token = lambda: "0" * 15 + "7"
    assert services.new_session_id() == 7
