"""Our side of offer and answer on one leg: what we described last, and in which version (RFC 3264 §5, §6,
§8).

One `LocalAudio` lives as long as its leg. It keeps what the RFC wants constant over a session (session id and
address of the origin, the number of media sections, the meaning of each dynamic payload type) and counts the
version up exactly when the content changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from trunkline.sdp.codecs import Codec
from trunkline.sdp.errors import NoCommonCodecError
from trunkline.sdp.offer_answer import Direction, RemoteAudio

_AFTER_STATIC = 35
_DYNAMIC: tuple[int, ...] = (*range(96, 128), *range(35, 64))
"""RFC 3551 §3, §6: numbers below 35 mean what the profile says, and these are free to use, the later ones
where the others don't do (RFC 5761 §4).
"""
_FOREIGN = ("", 0)
"""What a number means that the peer has given to something else than our codecs."""


Packets: TypeAlias = tuple[int | None, int | None]
"""`ptime` and `maxptime`: how many milliseconds of audio we wish to get in a packet, and the most; None where
it is not said.
"""
Standing: TypeAlias = tuple[tuple[Codec, ...], Direction, bool, Packets]
"""`LocalAudio.standing`."""


@dataclass(frozen=True, slots=True)
class LocalCheckpoint:
    """All that a `LocalAudio` knows, to go on elsewhere."""

    session_id: int
    version: int
    origin_address: str
    content: str
    time: str
    profile: str
    index: int
    sections: tuple[str, ...]
    numbers: Mapping[int, tuple[str, int]]
    listed: tuple[Codec, ...]
    answered: bool
    direction: Direction
    packets: Packets = (None, None)


class LocalAudio:
    """The description of our audio towards one peer."""

    __slots__ = (
        "_content",
        "_index",
        "_numbers",
        "_origin_address",
        "_profile",
        "_sections",
        "_session_id",
        "_time",
        "_version",
        "answered",
        "direction",
        "listed",
        "packets",
    )

    def __init__(self, session_id: int) -> None:
        """`session_id` is 0 to 2**62 - 1 and not used by another leg (RFC 3264 §5)."""
        self._session_id = session_id
        self._version = 0
        self._origin_address = ""
        self._content = ""
        self._time = "0 0"
        self._profile = "RTP/AVP"
        self._index = 0
        self._sections: list[str] = [""]
        """One rejected section for each media section; the one at `_index` stands for the audio."""
        self._numbers: dict[int, tuple[str, int]] = {}
        """Dynamic payload type -> codec, fixed for the session (RFC 3264 §8.3.2), whoever has offered it."""
        self.listed: tuple[Codec, ...] = ()
        """The codecs of our last description with the payload types used there, telephone-event last."""
        self.answered = False
        """Whether our last description was an answer."""
        self.direction = Direction.SENDRECV
        """The direction of our last description."""
        self.packets: Packets = (None, None)
        """What it said of them."""

    def checkpoint(self) -> LocalCheckpoint:
        """What it knows now."""
        return LocalCheckpoint(
            session_id=self._session_id,
            version=self._version,
            origin_address=self._origin_address,
            content=self._content,
            time=self._time,
            profile=self._profile,
            index=self._index,
            sections=tuple(self._sections),
            numbers=dict(self._numbers),
            listed=self.listed,
            answered=self.answered,
            direction=self.direction,
            packets=self.packets,
        )

    @classmethod
    def resumed(cls, known: LocalCheckpoint) -> "LocalAudio":
        """One that goes on where another has come to."""
        self = cls(known.session_id)
        self._version = known.version
        self._origin_address = known.origin_address
        self._content = known.content
        self._time = known.time
        self._profile = known.profile
        self._index = known.index
        self._sections = list(known.sections)
        self._numbers = dict(known.numbers)
        self.standing = known.listed, known.direction, known.answered, known.packets
        return self

    @property
    def version(self) -> int:
        """The version of the last description; 0 before the first."""
        return self._version

    @property
    def profile(self) -> str:
        """The transport profile of our last description."""
        return self._profile

    @property
    def standing(self) -> Standing:
        """`listed`, `direction`, `answered` and `packets`. Set back after an offer that was refused, they say
        what stands again; the version goes on from the refused one (RFC 3264 §8).
        """
        return self.listed, self.direction, self.answered, self.packets

    @standing.setter
    def standing(self, stood: Standing) -> None:
        self.listed, self.direction, self.answered, self.packets = stood

    def offer(
        self,
        codecs: Sequence[Codec],
        address: str,
        port: int,
        direction: Direction = Direction.SENDRECV,
        telephone_event: Codec | None = None,
        ptime: int | None = None,
        *,
        maxptime: int | None = None,
        profile: str | None = None,
        rtcp_mux: bool = False,
        attributes: Sequence[str] = (),
    ) -> bytes:
        """An offer, or the next one in an established session.

        Payload types are kept where they may be; a dynamic one that means something else in this session
        already is renumbered, so read the numbers from `listed` afterwards. `rtcp_mux` says that RTP and RTCP
        share a port; `attributes` are further `a=` values of ours.
        """
        if profile is not None:
            self._profile = profile
        wanted = codecs if telephone_event is None else (*codecs, telephone_event)
        self.listed = tuple(self._numbered(wanted))
        self.answered = False
        self.direction = direction
        return self._describe(address, port, (ptime, maxptime), attributes, rtcp_mux=rtcp_mux)

    def answer(
        self,
        remote: RemoteAudio,
        codecs: Sequence[Codec],
        address: str,
        port: int,
        direction: Direction = Direction.SENDRECV,
        telephone_event: Codec | None = None,
        ptime: int | None = None,
        *,
        maxptime: int | None = None,
        rtcp_mux: bool = False,
        attributes: Sequence[str] = (),
    ) -> bytes:
        """The answer to `remote`: as many media sections, all but its audio stream rejected.

        `codecs` carry the offer's payload types. `direction` is what we wish; it is narrowed to what the
        offer allows (RFC 3264 §6.1). `rtcp_mux` is accepted only where it was offered.
        """
        self.listed = tuple(codecs) if telephone_event is None else (*codecs, telephone_event)
        self._numbers.update(_numbers_of(remote))
        self.answered = True
        self.direction = direction.narrowed_to(remote.direction.mirrored)
        self._profile = remote.profile
        self._time = remote.time
        self._index = remote.index
        if len(remote.media) == 1:
            self._sections = [""]
        else:
            self._sections = [
                _rejected(media.media, media.protocol, media.formats[0]) for media in remote.media
            ]
        rtcp_mux = rtcp_mux and remote.rtcp_mux
        return self._describe(address, port, (ptime, maxptime), attributes, rtcp_mux=rtcp_mux)

    def _describe(
        self, address: str, port: int, packets: Packets, attributes: Sequence[str], *, rtcp_mux: bool
    ) -> bytes:
        self.packets = packets
        family = "IP6" if ":" in address else "IP4"
        formats = " ".join([str(codec.payload_type) for codec in self.listed])
        lines = "".join([_codec_lines(codec) for codec in self.listed])
        for name, ms in zip(("ptime", "maxptime"), packets, strict=True):
            if ms is not None:
                lines += f"a={name}:{ms}\r\n"
        for attribute in (*attributes, "rtcp-mux") if rtcp_mux else attributes:
            lines += f"a={attribute}\r\n"
        audio = f"m=audio {port} {self._profile} {formats}\r\n{lines}a={self.direction.value}\r\n"
        sections = self._sections
        if len(sections) > 1:
            audio = "".join([*sections[: self._index], audio, *sections[self._index + 1 :]])
        content = f"s=-\r\nc=IN {family} {address}\r\nt={self._time}\r\n{audio}"
        if content != self._content:
            self._content = content
            self._version += 1
            if not self._origin_address:
                self._origin_address = f"IN {family} {address}"
        origin = f"v=0\r\no=- {self._session_id} {self._version} {self._origin_address}\r\n"
        return (origin + content).encode("latin-1")

    def _numbered(self, codecs: Sequence[Codec]) -> list[Codec]:
        numbers = self._numbers
        numbered: list[Codec] = []
        for codec in codecs:
            number = codec.payload_type
            if number >= _AFTER_STATIC:
                number = self._number_for(codec)
                numbers[number] = codec.key
                if number != codec.payload_type:
                    codec = codec._replace(payload_type=number)
            numbered.append(codec)
        return numbered

    def _number_for(self, codec: Codec) -> int:
        numbers = self._numbers
        if numbers.get(codec.payload_type, codec.key) == codec.key:
            return codec.payload_type
        for number, key in numbers.items():
            if key == codec.key:
                return number
        for number in _DYNAMIC:
            if number not in numbers:
                return number
        raise NoCommonCodecError("this session has used up all payload types")


def _numbers_of(remote: RemoteAudio) -> dict[int, tuple[str, int]]:
    """The dynamic payload types of an offer, and what they mean there."""
    known = {codec.payload_type: codec.key for codec in (*remote.codecs, *remote.telephone_events)}
    numbers = map(int, remote.media[remote.index].formats)
    return {number: known.get(number, _FOREIGN) for number in numbers if number >= _AFTER_STATIC}


@lru_cache(maxsize=512)
def _codec_lines(codec: Codec) -> str:
    number = codec.payload_type
    rtpmap = f"a=rtpmap:{number} {codec.name}/{codec.clock_rate}\r\n"
    return f"{rtpmap}a=fmtp:{number} {codec.fmtp}\r\n" if codec.fmtp else rtpmap


def _rejected(media: str, protocol: str, first_format: str) -> str:
    """A rejected stream: port 0 and, because SDP wants one, its first format (RFC 3264 §6)."""
    return f"m={media} 0 {protocol} {first_format}\r\n"
