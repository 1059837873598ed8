"""A far end's audio: one terminal of the media engine, and the SDP that goes with it (RFC 3264, RFC 4568; RFC
4733 digits).

The simulated carrier and the test phone both are one of these behind a dialog.
"""

from dataclasses import replace

from trunkline.call.ports import RemoteMedia, SrtpKeys, TelephoneEvents
from trunkline.call.record import MediaFigures
from trunkline.call.remote_media import audio_format, media_flow
from trunkline.media.terminals import Hearing, Source, Terminal
from trunkline.sdp.agreement import Terms, select_of_offer, select_telephone_events
from trunkline.sdp.codecs import Codec, agreed_fmtp, our_codec
from trunkline.sdp.crypto import match_answer, our_line
from trunkline.sdp.errors import NoCommonCodecError
from trunkline.sdp.local import LocalAudio
from trunkline.sdp.offer_answer import PLAIN_PROFILES, SECURE_PROFILES, Direction, RemoteAudio

CODECS = ("PCMA", "PCMU")
"""What a talker speaks unless told otherwise, preferred first."""
STEP_MS = 20
"""A terminal makes a packet this often at most, though a peer may wish for shorter ones."""
_TAG = 1


class Talker:
    """Owns `terminal` from here on; `close` it in the end."""

    def __init__(
        self,
        terminal: Terminal,
        session_id: int,
        codecs: tuple[str, ...] = CODECS,
        *,
        key: bytes = b"",
        secure: bool = False,
        ptime_ms: int = 20,
        events: bool = True,
        ilbc_ms: int = 30,
    ) -> None:
        """`codecs` are names of `sdp.codecs.CODEC_NAMES`. `key` is its SRTP key of 30 octets: with one, SRTP
        is answered where it is offered, and with `secure` offered. Without `events` it has no
        telephone-event. `ilbc_ms` is the iLBC mode that it asks for, 20 or 30 (RFC 3952 §5).
        """
        self.terminal = terminal
        self._local = LocalAudio(session_id)
        self._codecs = codecs
        self._key = key
        self._secure = secure
        self._ptime_ms = ptime_ms
        self._events = events
        self._ilbc_mode = f"mode={ilbc_ms}"
        self.codec = ""
        """What was agreed on; empty until then."""

    def offer(self) -> bytes:
        """Our offer."""
        terminal = self.terminal
        codecs = [self._own(name) for name in self._codecs]
        return self._local.offer(
            [*codecs, *(select_telephone_events(None, codecs) if self._events else [])],
            terminal.address,
            terminal.port,
            ptime=self._ptime_ms,
            profile="RTP/SAVP" if self._secure else None,
            attributes=[our_line(_TAG, self._key)] if self._secure else (),
        )

    def _own(self, name: str) -> Codec:
        codec = our_codec(name)
        return codec._replace(fmtp=self._ilbc_mode) if name == "iLBC" else codec

    def take_answer(self, body: bytes) -> None:
        """The peer's answer to `offer`. Raises `SdpError`, `MediaError`."""
        remote = RemoteAudio.read(body, SECURE_PROFILES if self._secure else PLAIN_PROFILES)
        if self._secure:
            match_answer(remote.crypto, _TAG, self._key)
        self._connect(remote)

    def answer(self, body: bytes) -> bytes:
        """Answer the peer's offer, a first or a later one (hold follows the offer). Raises `SdpError`,
        `MediaError`.
        """
        remote = RemoteAudio.read(body, PLAIN_PROFILES | SECURE_PROFILES if self._key else PLAIN_PROFILES)
        names = [codec.name for codec in remote.codecs if codec.name in self._codecs]
        offered = select_of_offer(remote, names)[0]
        codec = offered._replace(fmtp=agreed_fmtp(offered, self._own(offered.name)))
        line = remote.crypto_line
        terminal = self.terminal
        answer = self._local.answer(
            remote,
            [codec],
            terminal.address,
            terminal.port,
            Direction.SENDRECV,
            remote.telephone_event_for(codec) if self._events else None,
            self._ptime_ms,
            attributes=() if line is None else [our_line(line.tag, self._key)],
        )
        self._connect(remote)
        return answer

    def _connect(self, remote: RemoteAudio) -> None:
        terms = Terms.of(self._local.listed, remote, we_answered=self._local.answered)
        if not terms.codecs:
            raise NoCommonCodecError("the answer holds no codec of the offer")
        said = terms.codecs[0]
        event = terms.event_for(said.codec)
        line = remote.crypto_line
        spoken = audio_format(said.codec.payload_type, said.codec, remote)
        self.codec = said.codec.name
        self.terminal.set_remote(
            RemoteMedia(
                rtp_address=remote.address,
                rtp_port=remote.rtp_port,
                rtcp_port=remote.rtcp_port,
                direction=media_flow(Direction.SENDRECV, remote.effective_direction),
                payload_types={
                    one.sent_as: one.codec.payload_type for one in (said, event) if one is not None
                },
                clock_rates={one.payload_type: one.clock_rate for one in self._local.listed},
                dtmf_payload_type=None if event is None else event.sent_as,
                signalled_from=None,
                hears=tuple([audio_format(one.sent_as, one.codec, remote) for one in terms.codecs]),
                speaks=replace(spoken, ptime_ms=max(spoken.ptime_ms, STEP_MS)),
                takes_events=None
                if event is None
                else TelephoneEvents(event.codec.payload_type, event.codec.clock_rate),
                srtp=None if line is None else SrtpKeys(self._key, line.key_and_salt, line.mki),
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
