"""A far end's audio: one terminal of the media engine, and the SDP that goes with it (G.711, RFC 4733
digits).

The simulated carrier and the test phone both are one of these behind a dialog.
"""

from trunkline.call.ports import MediaFlow, RemoteMedia
from trunkline.call.record import MediaFigures
from trunkline.media.terminals import Hearing, Source, Terminal
from trunkline.sdp.codecs import TELEPHONE_EVENT, Codec, our_codec, our_telephone_event
from trunkline.sdp.errors import NoCommonCodecError
from trunkline.sdp.local import LocalAudio
from trunkline.sdp.offer_answer import Direction, RemoteAudio

CODECS = ("PCMA", "PCMU")
"""What a talker speaks, preferred first."""


class Talker:
    """Owns `terminal` from here on; `close` it in the end."""

    def __init__(self, terminal: Terminal, session_id: int, codecs: tuple[str, ...] = CODECS) -> None:
        """`codecs` are names of `CODECS`."""
        self.terminal = terminal
        self._local = LocalAudio(session_id)
        self._codecs = codecs
        self.codec = ""
        """What was agreed on; empty until then."""

    def offer(self) -> bytes:
        """Our offer."""
        terminal = self.terminal
        return self._local.offer(
            [our_codec(name) for name in self._codecs],
            terminal.address,
            terminal.port,
            telephone_event=our_telephone_event(8000),
            ptime=20,
        )

    def take_answer(self, body: bytes) -> None:
        """The peer's answer to `offer`. Raises `SdpError`, `MediaError`."""
        self._connect(RemoteAudio.read(body))

    def answer(self, body: bytes) -> bytes:
        """Answer the peer's offer, a first or a later one (hold follows the offer). Raises `SdpError`,
        `MediaError`.
        """
        remote = RemoteAudio.read(body)
        codec = next((codec for codec in remote.codecs if codec.name in self._codecs), None)
        if codec is None:
            raise NoCommonCodecError("neither PCMA nor PCMU is offered")
        terminal = self.terminal
        answer = self._local.answer(
            remote,
            [codec],
            terminal.address,
            terminal.port,
            Direction.SENDRECV,
            remote.telephone_event_for(codec),
            20,
        )
        self._connect(remote)
        return answer

    def _connect(self, remote: RemoteAudio) -> None:
        listed = {codec.key: codec for codec in self._local.listed}
        common = [codec for codec in remote.codecs if codec.key in listed]
        if not common:
            raise NoCommonCodecError("the answer holds no codec of the offer")
        events = [event for event in remote.telephone_events if event.key in listed]
        theirs = [common[0], *events[:1]]
        ours = [listed[codec.key] for codec in theirs]
        self.codec = common[0].name
        self.terminal.set_remote(
            RemoteMedia(
                rtp_address=remote.address,
                rtp_port=remote.rtp_port,
                rtcp_port=remote.rtcp_port,
                direction=_flow(remote.effective_direction),
                payload_types={
                    mine.payload_type: its.payload_type for mine, its in zip(ours, theirs, strict=True)
                },
                clock_rates={codec.payload_type: codec.clock_rate for codec in ours},
                dtmf_payload_type=_event(ours),
                signalled_from=None,
            )
        )

    def play(self, source: Source) -> None:
        """Say this from now on. Raises `MediaError`."""
        self.terminal.play(source)

    def hearing(self) -> Hearing:
        """What it has heard."""
        return self.terminal.hearing()

    def close(self) -> MediaFigures:
        """End it. Raises `MediaError` when a recording can't be written."""
        return self.terminal.close()


def _event(codecs: list[Codec]) -> int | None:
    return next((codec.payload_type for codec in codecs if codec.name == TELEPHONE_EVENT), None)


def _flow(theirs: Direction) -> MediaFlow:
    if theirs.receives:
        return MediaFlow.BOTH if theirs.sends else MediaFlow.SEND
    return MediaFlow.RECEIVE if theirs.sends else MediaFlow.NONE
