"""Any offer, any answer, any policies: two legs agree on what their peers have said, and nothing else."""

from dataclasses import dataclass

from hypothesis import example, given
from hypothesis import strategies as st

from tests.simulation.phone import key_source
from tests.unit.call.test_leg import Owner
from tests.unit.virtual_clock import FakeClock
from trunkline.call.leg import Leg
from trunkline.call.ports import RemoteMedia
from trunkline.call.remote_media import connect
from trunkline.errors import SdpError
from trunkline.media.fake import FakeEngine
from trunkline.media.fake_leg import FakeLeg
from trunkline.sdp.codecs import CODEC_NAMES, TELEPHONE_EVENT, Codec, our_codec
from trunkline.sdp.local import LocalAudio
from trunkline.sdp.offer_answer import Direction, RemoteAudio
from trunkline.trunk.media_policy import DtmfMode, MediaPolicy, SrtpPolicy

ENGINE = FakeEngine(FakeClock(), port_max=60_000)
KEY = key_source("a peer")


@dataclass(frozen=True)
class Peer:
    """What a peer speaks, in its own numbers."""

    codecs: tuple[Codec, ...]
    events: tuple[Codec, ...]
    ptime: int | None
    direction: Direction

    def offer(self, local: LocalAudio) -> bytes:
        return local.offer(
            [*self.codecs, *self.events], "198.51.100.1", 4000, self.direction, ptime=self.ptime
        )

    def answer(self, local: LocalAudio, body: bytes) -> bytes | None:
        """To the letter of RFC 3264: the codecs that it has of those offered, in its own order, under its own
        numbers; None where it has none.
        """
        offer = RemoteAudio.read(body)
        offered = {codec.key for codec in (*offer.codecs, *offer.telephone_events)}
        codecs = [codec for codec in self.codecs if codec.key in offered]
        events = [event for event in self.events if event.key in offered]
        if not codecs:
            return None
        return local.answer(offer, [*codecs, *events], "198.51.100.2", 5000, self.direction, ptime=self.ptime)


def _numbered(names: list[str], count: int, numbers: list[int], mode: str) -> tuple[Codec, ...]:
    codecs = [our_codec(name) for name in names[:count]]
    return tuple(
        codec._replace(
            payload_type=codec.payload_type if codec.payload_type < 35 else number,
            fmtp=f"mode={mode}" if codec.name == "iLBC" else codec.fmtp,
        )
        for codec, number in zip(codecs, numbers, strict=False)
    )


def _events(rates: list[int], numbers: list[int]) -> tuple[Codec, ...]:
    return tuple(
        Codec(number, TELEPHONE_EVENT, rate, "0-15") for rate, number in zip(rates, numbers, strict=False)
    )


PEERS = st.builds(
    Peer,
    st.builds(
        _numbered,
        st.permutations(CODEC_NAMES),
        st.integers(1, 6),
        st.permutations(range(96, 112)),
        st.sampled_from(["20", "30"]),
    ),
    st.builds(
        _events, st.lists(st.sampled_from([8000, 16000]), unique=True), st.permutations(range(112, 128))
    ),
    st.sampled_from([None, 10, 20, 30, 40, 60, 200]),
    st.sampled_from(Direction),
)
POLICIES = st.builds(
    MediaPolicy,
    st.builds(lambda names, count: tuple(names[:count]), st.permutations(CODEC_NAMES), st.integers(1, 6)),
    st.booleans(),
    st.just(SrtpPolicy.ALLOWED),
    st.sampled_from(DtmfMode),
)


ANY = MediaPolicy(CODEC_NAMES, False, SrtpPolicy.ALLOWED, DtmfMode.AUTO)


def with_events(*events: tuple[int, int]) -> Peer:
    """A peer that gives these numbers to telephone-event at these rates."""
    codecs = our_codec("PCMA"), our_codec("speex")
    numbers, rates = zip(*events, strict=True)
    return Peer(codecs, _events(list(rates), list(numbers)), None, Direction.SENDRECV)


def leg(policy: MediaPolicy) -> Leg:
    return Leg(ENGINE, Owner(), session=LocalAudio(1), ipv6=False, policy=policy, key=KEY)


def remote(one: Leg) -> RemoteMedia:
    assert isinstance(one.media, FakeLeg)
    assert one.media.remote is not None
    return one.media.remote


def ilbc_modes(told: RemoteMedia) -> set[int]:
    return {audio.mode_ms for audio in told.hears if audio.codec == "iLBC"}


def check(one: Leg, other: Leg, mine: Peer, theirs: Peer) -> None:
    """What the engine is told of the peer of `one`."""
    told = remote(one)
    listed = {codec.payload_type: codec for codec in one.local.listed}
    named = {codec.payload_type: codec for codec in (*mine.codecs, *mine.events)}
    wanted = {codec.payload_type: codec for codec in (*theirs.codecs, *theirs.events)}
    sendable = {codec.key for codec in one.local.listed} & {codec.key for codec in named.values()}
    for sent, passed in told.payload_types.items():
        ours = listed.get(sent)
        meaning = ours if ours is not None and ours.key in sendable else named[sent]
        assert meaning.key == wanted[passed].key, "a packet never changes its codec on the way"
        assert meaning.key in sendable
        assert wanted[passed].key in {codec.key for codec in other.local.listed}, "never what was not agreed"
        if meaning.name == "iLBC":
            assert ilbc_modes(told) == ilbc_modes(remote(other)), "frames of another length don't pass"
    assert told.speaks is not None
    spoken = named[told.speaks.payload_type]
    assert (spoken.name, spoken.clock_rate) == (told.speaks.codec, told.speaks.clock_rate)
    assert spoken.key in sendable
    assert 10 <= told.speaks.ptime_ms <= 60
    assert told.speaks.ptime_ms % (told.speaks.mode_ms if told.speaks.codec == "iLBC" else 10) == 0
    bridged = one.transcodes(other)
    heard = {audio.payload_type for audio in told.hears}
    if bridged:
        audio = {codec.payload_type for codec in one.local.listed if codec.name != TELEPHONE_EVENT}
        assert heard >= {number for number in audio if listed[number].key in sendable}, "all of it is heard"
    else:
        assert heard <= set(told.payload_types)
        assert any(
            listed[number].name != TELEPHONE_EVENT for number in listed if number in told.payload_types
        )
    if told.takes_events is not None:
        assert one.policy.dtmf.uses_events
        assert named[told.takes_events.payload_type].key == (TELEPHONE_EVENT, told.takes_events.clock_rate)
    if other.policy.dtmf is DtmfMode.INFO:
        assert told.tells_digits
        assert told.dtmf_payload_type not in told.payload_types


@given(PEERS, PEERS, POLICIES, POLICIES)
def test_any_offer_meets_any_answer(
    mine: Peer, theirs: Peer, mine_policy: MediaPolicy, theirs_policy: MediaPolicy
) -> None:
    caller, callee = leg(mine_policy), leg(theirs_policy)
    my_names = {codec.name for codec in mine.codecs} & set(mine_policy.codecs)
    their_names = {codec.name for codec in theirs.codecs} & set(theirs_policy.codecs)
    bridged = caller.transcodes(callee)
    try:
        caller.take_offer(mine.offer(LocalAudio(11)))
        try:
            offer = callee.offer(caller)
        except SdpError:
            assert not my_names or (not bridged and not my_names & set(theirs_policy.codecs))
            return
        answered = theirs.answer(LocalAudio(12), offer)
        if answered is None:
            assert not their_names if bridged else not my_names & their_names
            return
        callee.take_answer(answered)
        answer = RemoteAudio.read(caller.answer(callee))
        connect(ENGINE, caller, callee)
        offered = {codec.payload_type: codec.key for codec in (*mine.codecs, *mine.events)}
        assert all(offered[codec.payload_type] == codec.key for codec in answer.codecs), (
            "exactly of the offer"
        )
        assert all(codec.name in mine_policy.codecs for codec in answer.codecs)
        shared = my_names & their_names
        if shared - {"iLBC"}:
            assert {codec.name for codec in answer.codecs} <= shared, "what is shared is never transcoded"
            told = remote(caller)
            assert told.speaks is not None
            assert told.speaks.payload_type in remote(callee).payload_types.values()
        check(caller, callee, mine, theirs)
        check(callee, caller, theirs, mine)
    finally:
        caller.close()
        callee.close()


@given(PEERS, PEERS, POLICIES, POLICIES)
@example(with_events((113, 8000)), with_events((118, 8000), (113, 16000)), ANY, ANY)
@example(with_events((112, 8000), (118, 16000)), with_events((118, 8000), (113, 16000)), ANY, ANY)
def test_an_invite_without_sdp_ends_in_the_same_terms(
    mine: Peer, theirs: Peer, mine_policy: MediaPolicy, theirs_policy: MediaPolicy
) -> None:
    caller, callee = leg(mine_policy), leg(theirs_policy)
    try:
        try:
            callee_offer = callee.offer(caller)
        except SdpError:
            assert not set(mine_policy.codecs) & set(theirs_policy.codecs)
            return
        answered = theirs.answer(LocalAudio(12), callee_offer)
        if answered is None:
            return
        callee.take_answer(answered)
        try:
            ours = caller.offer(callee)
        except SdpError:
            assert not caller.transcodes(callee)
            return
        late = mine.answer(LocalAudio(11), ours)
        if late is None:
            return
        caller.take_late_answer(late, callee)
        connect(ENGINE, caller, callee)
        check(caller, callee, mine, theirs)
        check(callee, caller, theirs, mine)
    except SdpError:
        assert not caller.transcodes(callee)
    finally:
        caller.close()
        callee.close()
