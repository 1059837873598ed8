"""Attempts: the failover of a forwarding list, row by row, on whole nodes."""

import asyncio
from dataclasses import replace

import pytest

from tests.simulation.descriptions import line
from tests.simulation.phone import Phone
from tests.simulation.world import (
    CUSTOMER,
    DOMAIN,
    NUMBER,
    SETTINGS,
    World,
    answer,
    early_media,
    rejecting,
    ringing,
    silent,
)
from trunkline.call.record import AttemptRecord, Party
from trunkline.node.target_health import target_health
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.ports import Address, Target, Transport
from trunkline.sip.uri import SipUri
from trunkline.trunk.health import HealthKey, HealthState
from trunkline.trunk.verdict import Slug
from trunkline.web.control_format import TARGETS

SECOND = "10.0.0.5"
TWO = f"first@{CUSTOMER}, second@{SECOND}"


class TwoEndpoints(World):
    """A number that is forwarded to the customer and then to `second`."""

    def __init__(self, forwarding: str = TWO, **more: object) -> None:
        super().__init__(forwarding=forwarding, **more)  # type: ignore[arg-type]
        self.second = self.phone(SECOND)

    def assert_second_answered(self) -> None:
        assert self.gateway.events[-1] == "answered"
        assert self.second.events[-1] == "acknowledged"
        assert self.record.attempts == 2
        self.second.the_usage.bye()
        self.finish()
        assert self.record.verdict is not None
        assert self.record.verdict.slug is Slug.ANSWERED
        assert self.record.hung_up_by is Party.CALLEE

    def refused_with(self) -> tuple[int, list[str]]:
        """The status that the caller got, and the values of Reason."""
        response = self.gateway.responses[-1]
        assert self.gateway.events[-1] == f"rejected {response.status}"
        return response.status, response.headers.all("reason")


# -- next ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 505, 513, 580, 599])
def test_any_5xx_goes_to_the_next(status: int) -> None:
    world = TwoEndpoints()
    world.customer.on_invite = rejecting(status)
    world.inbound()
    world.clock.advance(2)
    first = world.attempts[0]
    assert first.verdict is not None
    assert (first.verdict.slug, first.verdict.status) == (Slug.SERVER_FAILURE, status)
    assert first.verdict.detail.split()[0] == str(status)
    world.assert_second_answered()


@pytest.mark.parametrize(
    ("cause", "recorded"),
    [("127", 127), ("128", 17), ("99999999999", 17), ("9" * 20 + ", Q.850;cause=16", 16)],
)
def test_a_cause_that_is_none_is_not_recorded(cause: str, recorded: int) -> None:
    """No database takes it for a number: the record would be refused, and stand open for ever."""
    world = TwoEndpoints()
    world.customer.on_invite = rejecting(486, headers=(("Reason", f"Q.850;cause={cause}"),))
    world.inbound()
    world.clock.advance(2)
    for record in (world.record, world.attempts[0]):
        assert record.verdict is not None
        assert (record.verdict.slug, record.verdict.q850) == (Slug.BUSY, recorded)
    assert world.refused_with()[1][-1] == f"Q.850;cause={recorded}"
    world.finish()


def test_a_reason_phrase_that_is_no_utf_8_is_told_as_text() -> None:
    """It stands in the health of the endpoint, which is JSON for the web process: that of all others, too."""
    world = TwoEndpoints()
    world.customer.on_invite = lambda _, invite: invite.reject(503, reason="\udcfcberlastet")
    world.inbound()
    world.clock.advance(2)
    first = world.attempts[0]
    assert first.verdict is not None
    assert first.verdict.detail == "503 überlastet"
    told = asyncio.run(target_health(world.node.directory, world.node.health, None))
    assert TARGETS.validate_json(TARGETS.dump_json(told))[0].last_detail == "503 überlastet"
    world.assert_second_answered()


@pytest.mark.parametrize(
    ("parameter", "silence_s"), [("", 5.0), (";timeout=2000", 2.0), (";timeout=20000", 20.0)]
)
def test_silence_goes_to_the_next(parameter: str, silence_s: float) -> None:
    world = TwoEndpoints(f"first@{CUSTOMER}{parameter}, second@{SECOND}")
    world.mute(world.customer)
    world.inbound()
    world.clock.advance(silence_s - 0.1)
    assert world.record.attempts == 1
    world.clock.advance(2)
    assert world.attempt_slugs == [Slug.ENDPOINT_SILENT]
    assert (world.attempts[0].ended_at or 0) - world.attempts[0].started_at == pytest.approx(silence_s)
    world.assert_second_answered()


def test_own_parameters_never_reach_the_wire_and_others_do() -> None:
    world = TwoEndpoints(f"sip:first@{CUSTOMER};timeout=2000;transport=udp;x=1, second@{SECOND}")
    world.inbound()
    world.clock.advance(0.1)
    (invite,) = world.heard_by(world.customer, "INVITE")
    assert invite.uri_text == f"sip:first@{CUSTOMER};transport=udp;x=1"
    assert b"timeout" not in invite.to_bytes()


def test_a_100_ends_the_silence_by_default() -> None:
    world = TwoEndpoints()
    world.customer.on_invite = silent  # its user agent sends a 100 after 200 ms
    world.inbound()
    world.clock.advance(30)
    assert world.record.attempts == 1
    world.clock.advance(35)
    assert world.refused_with() == (486, ['SIP;cause=408;text="no-answer"', "Q.850;cause=19"])
    world.finish()
    assert world.attempt_slugs == [Slug.NO_ANSWER]


def test_a_100_does_not_count_when_the_settings_say_so() -> None:
    world = TwoEndpoints(settings=replace(SETTINGS, trying_counts=False))
    world.customer.on_invite = silent
    world.inbound()
    world.clock.advance(7)
    assert world.attempt_slugs[0] is Slug.ENDPOINT_SILENT
    # There was a provisional response, so it can be cancelled at once (RFC 3261 §9.1).
    assert "cancelled" in world.customer.events
    world.assert_second_answered()


def test_repeated_trying_does_not_prolong_the_ringing() -> None:
    """The ring timer runs from the first response that counts."""
    world = TwoEndpoints()
    invites: list[IncomingInvite] = []
    world.customer.on_invite = lambda phone, invite: invites.append(invite)
    world.inbound()
    for _ in range(9):
        world.clock.advance(10)
        invites[0].trying()
    assert world.refused_with()[0] == 486
    world.finish()


def test_refused_connection_costs_no_waiting() -> None:
    world = TwoEndpoints(f"first@10.0.0.77;transport=tcp, second@{SECOND}")
    world.inbound()
    world.clock.advance(1.5)
    assert world.attempt_slugs == [Slug.UNREACHABLE]
    world.assert_second_answered()


def test_failing_tls_costs_no_waiting() -> None:
    """A refused TLS port; the failing handshake itself is seen in tests/unit/net."""
    world = TwoEndpoints(f"sips:first@10.0.0.77, second@{SECOND}")
    world.inbound()
    world.clock.advance(1.5)
    assert world.attempt_slugs[0] in (Slug.UNREACHABLE, Slug.TLS_FAILED)
    assert world.attempts[0].resolved.startswith("TLS 10.0.0.77:")
    world.assert_second_answered()


def test_unknown_name_costs_no_waiting() -> None:
    world = TwoEndpoints(f"first@pbx.example.org, second@{SECOND}")
    world.inbound()
    world.clock.advance(1.5)
    assert world.attempt_slugs == [Slug.NAME_NOT_FOUND]
    world.assert_second_answered()


def test_an_entry_of_the_other_address_family_goes_to_the_next() -> None:
    """A node without IPv6 has no way there, and no media port either: that is the entry's failure alone."""
    world = TwoEndpoints(f"first@[2001:db8::7], second@{SECOND}")
    world.node.engine._addresses[True] = None
    world.inbound()
    world.clock.advance(7)
    assert [attempt.target for attempt in world.attempts] == [
        "sip:first@[2001:db8::7]",
        f"sip:second@{SECOND}",
    ]
    world.assert_second_answered()


def test_an_entry_of_the_other_address_family_waits_for_no_port_of_this_one() -> None:
    """Ports that have run out are no family that is missing: audio over IPv4 would be of no use there, and
    the call is refused with 503.
    """
    world = TwoEndpoints(f"first@[2001:db8::7], second@{SECOND}")
    world.node.engine._free[True].clear()
    world.inbound()
    world.clock.advance(7)
    assert world.attempts == []
    assert world.refused_with()[0] == 503
    assert world.record.verdict is not None
    assert world.record.verdict.slug is Slug.NO_MEDIA_PORTS
    world.finish()


def test_the_targets_of_one_uri_share_its_budget() -> None:
    """Its SRV and address records are walked within one attempt."""
    world = TwoEndpoints(f"first@pbx.example.org, second@{SECOND}")
    world.network.names["pbx.example.org"] = [
        Target(Transport.TCP, Address("10.0.0.77", 5060)),
        Target(Transport.UDP, Address(CUSTOMER, 5060)),
    ]
    world.inbound()
    world.clock.advance(2)
    assert world.customer.events[-1] == "acknowledged"
    assert world.record.attempts == 1
    assert world.attempts[0].resolved == f"UDP {CUSTOMER}:5060"
    world.customer.the_usage.bye()
    world.finish()


def test_the_record_names_the_target_that_answered_and_not_the_last_one_tried() -> None:
    """The first server of a name takes longer to answer than it is waited for, and the second is dead."""
    world = TwoEndpoints(f"first@pbx.example.org, second@{SECOND}")
    world.network.names["pbx.example.org"] = [
        Target(Transport.UDP, Address(CUSTOMER, 5060)),
        Target(Transport.UDP, Address("10.0.0.77", 5060)),
    ]
    world.network.drop = lambda packet: packet.summary == "100 INVITE"

    def slowly(phone: Phone, invite: IncomingInvite) -> None:
        world.clock.at(world.clock.now() + 2, lambda: answer(phone, invite))

    world.customer.on_invite = slowly
    world.inbound()
    world.clock.advance(4)
    assert world.customer.events[-1] == "acknowledged"
    assert world.attempts[0].resolved == f"UDP {CUSTOMER}:5060"
    world.customer.the_usage.bye()
    world.finish()


# -- ringing ---------------------------------------------------------------------------------------


def test_after_ringing_silence_never_fails_over() -> None:
    world = TwoEndpoints()
    world.customer.on_invite = ringing
    world.inbound()
    world.clock.advance(59.9)
    assert world.record.attempts == 1
    assert "rejected 486" not in world.gateway.events
    world.clock.advance(1)
    assert world.refused_with() == (486, ['SIP;cause=408;text="no-answer"', "Q.850;cause=19"])
    assert "cancelled" in world.customer.events
    assert world.second.events == []
    world.finish()


def test_the_ring_timer_of_the_number() -> None:
    world = TwoEndpoints()
    world.change_number(ring_timeout_s=7.0)
    world.customer.on_invite = ringing
    world.inbound()
    world.clock.advance(7.1)
    assert world.refused_with()[0] == 486
    world.finish()


def test_a_5xx_after_ringing_fails_over() -> None:
    world = TwoEndpoints()

    def ring_and_fail(phone: Phone, invite: IncomingInvite) -> None:
        invite.progress(180)
        invite.reject(503)

    world.customer.on_invite = ring_and_fail
    world.inbound()
    world.clock.advance(3)
    assert world.gateway.events.count("progressed 180") == 2
    world.assert_second_answered()


def test_a_5xx_after_early_media_does_not() -> None:
    world = TwoEndpoints()
    clock = world.clock

    def fail_later(phone: Phone, invite: IncomingInvite) -> None:
        early_media(phone, invite)
        clock.at(clock.now() + 1, lambda: invite.reject(503))

    world.customer.on_invite = fail_later
    world.inbound()
    world.clock.advance(3)
    assert "progressed 183" in world.gateway.events
    assert world.refused_with()[0] == 503
    assert world.second.events == []
    world.finish()


def test_a_5xx_after_early_media_that_the_caller_could_not_hear_fails_over() -> None:
    """The caller's INVITE had no SDP, so none of this endpoint's was passed on."""
    world = TwoEndpoints()
    clock = world.clock

    def fail_later(phone: Phone, invite: IncomingInvite) -> None:
        early_media(phone, invite)
        clock.at(clock.now() + 1, lambda: invite.reject(503))

    world.customer.on_invite = fail_later
    peer = world.carrier_peer()
    peer.invite()
    world.clock.advance(3)
    assert world.record.attempts == 2
    assert "200 INVITE" in world.network.summaries(world.node.host)
    peer.acknowledge()
    peer.hang_up()
    world.finish()


# -- leaving an attempt ----------------------------------------------------------------------------


def test_a_late_answer_is_acknowledged_and_ended() -> None:
    """The first endpoint answers after it was left: never two answered endpoints, never a ghost call."""
    world = TwoEndpoints(f"first@{CUSTOMER};timeout=2000, second@{SECOND}")
    clock = world.clock

    def answer_late(phone: Phone, invite: IncomingInvite) -> None:
        clock.at(clock.now() + 2.5, lambda: answer(phone, invite))

    world.customer.on_invite = answer_late
    blocked = True
    world.network.drop = lambda packet: blocked and packet.source == world.customer.host.seen_as
    world.inbound()
    world.clock.advance(2.4)
    blocked = False
    world.clock.advance(3)
    assert "bye_received" in world.customer.events
    assert world.customer.events.count("acknowledged") == 1
    world.assert_second_answered()


def test_an_endpoint_that_comes_back_is_cancelled_once_it_speaks() -> None:
    world = TwoEndpoints(f"first@{CUSTOMER};timeout=2000, second@{SECOND}")
    world.customer.on_invite = ringing
    blocked = True
    world.network.drop = lambda packet: blocked and packet.source == world.customer.host.seen_as
    world.inbound()
    world.clock.advance(2.5)
    blocked = False
    world.clock.advance(10)
    assert "cancelled" in world.customer.events
    world.assert_second_answered()


def test_each_attempt_has_sdp_a_port_and_a_record_of_its_own() -> None:
    world = TwoEndpoints()
    world.customer.on_invite = rejecting(503)
    world.inbound()
    world.clock.advance(2)
    (first,) = world.heard_by(world.customer, "INVITE")
    (second,) = world.heard_by(world.second, "INVITE")
    assert first.call_id != second.call_id
    assert first.from_tag != second.from_tag
    assert line(first.body, "o") != line(second.body, "o")
    assert line(first.body, "m").split()[1] != line(second.body, "m").split()[1]
    one, two = world.attempts
    assert (one.target, one.resolved) == (f"sip:first@{CUSTOMER}", f"UDP {CUSTOMER}:5060")
    assert (two.target, two.resolved) == (f"sip:second@{SECOND}", f"UDP {SECOND}:5060")
    assert (one.ringing_at, one.answered_at) == (None, None)
    assert two.ringing_at is not None
    assert two.answered_at is not None
    assert one.sip_call_id == first.call_id
    assert world.node.trace.links[second.call_id] == world.record.call_id
    world.assert_second_answered()


# -- what is sent ----------------------------------------------------------------------------------


def test_what_an_endpoint_sees() -> None:
    """Request-URI as typed; To is the number and From the caller, both of the service domain."""
    world = World(forwarding=f"00441234@{CUSTOMER}")
    world.inbound(from_=NameAddr('Ann "x"', SipUri("sip", "+493012345678", "carrier.example")))
    world.clock.advance(0.1)
    (invite,) = world.heard_by(world.customer, "INVITE")
    assert invite.uri_text == f"sip:00441234@{CUSTOMER}"
    assert str(invite.to.uri) == f"sip:{NUMBER}@{DOMAIN}"
    assert str(invite.from_.uri) == f"sip:+493012345678@{DOMAIN}"
    assert invite.from_.display == 'Ann "x"'
    assert invite.max_forwards == 69


def test_x_headers_pass_and_our_own_do_not() -> None:
    world = World()
    world.inbound(
        headers=(
            ("X-Order", "17"),
            ("x-lower", "a,b"),
            ("X-Trunkline-Key", "no"),
            ("x-trunkline-y", "no"),
            ("Y-Z", "no"),
        )
    )
    world.clock.advance(0.1)
    (invite,) = world.heard_by(world.customer, "INVITE")
    assert invite.headers.get("x-order") == "17"
    assert invite.headers.get("x-lower") == "a,b"
    assert not [
        name
        for name, _ in invite.headers.fields()
        if "trunkline" in name.lower() and name.lower() != "user-agent"
    ]
    assert "y-z" not in invite.headers


# -- health ----------------------------------------------------------------------------------------


def test_a_down_endpoint_is_kept_for_the_end() -> None:
    world = TwoEndpoints()
    world.customer.on_invite = rejecting(503)
    for _ in range(3):
        world.inbound()
        world.clock.advance(2)
        world.second.the_usage.bye()
        world.clock.advance(1)
    key = HealthKey(NUMBER, f"sip:first@{CUSTOMER}", f"sip:{CUSTOMER}")
    assert world.node.health.view(key).state is HealthState.DOWN
    before = len(world.attempts)
    world.inbound()
    world.clock.advance(2)
    assert [attempt.target for attempt in world.attempts[before:]] == [f"sip:second@{SECOND}"]
    world.second.the_usage.bye()
    world.clock.advance(1)
    # and still tried when the other one fails
    world.second.on_invite = rejecting(503)
    before = len(world.attempts)
    world.inbound()
    world.clock.advance(2)
    assert [attempt.target for attempt in world.attempts[before:]] == [
        f"sip:second@{SECOND}",
        f"sip:first@{CUSTOMER}",
    ]
    world.finish()


def test_what_an_attempt_has_come_to_is_written_down_as_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    written: list[list[bool]] = []
    write = world.node.books.attempt_changed

    def note(record: AttemptRecord) -> None:
        written.append([at is not None for at in (record.ringing_at, record.answered_at, record.ended_at)])
        write(record)

    monkeypatch.setattr(world.node.books, "attempt_changed", note)
    world.talking_outbound()
    world.customer.the_usage.bye()
    world.finish()
    assert written == [[False] * 3, [True, False, False], [True, True, False], [True] * 3]
