# The media engine and the reader of SIP messages, in Rust (native/python has the docstrings). The engine is
# used through trunkline.media.embedded only, the reader through trunkline.sip.parse.

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, final

@final
class Engine:
    def __new__(
        cls,
        *,
        port_min: int,
        port_max: int,
        bind_v4: str | None,
        bind_v6: str | None,
        advertised_v4: str | None,
        advertised_v6: str | None,
        timeout_s: float,
        threads: int,
        drain_s: float,
        allow_loopback: bool,
        gather_ms: float,
        dscp: int,
    ) -> Engine: ...
    @property
    def event_fd(self) -> int: ...
    def drain_events(self) -> list[tuple[str, int, str | None, int]]: ...
    def open_leg(self, ipv6: bool) -> Leg: ...
    def bridge(self, first: Leg, second: Leg) -> None: ...
    def occupancy(self) -> tuple[int, int, int]: ...
    def stop(self) -> None: ...

@final
class Leg:
    @property
    def id(self) -> int: ...
    @property
    def address(self) -> str: ...
    @property
    def port(self) -> int: ...
    def set_remote(
        self,
        rtp_address: str,
        rtp_port: int,
        rtcp_port: int,
        flow: str,
        payload_types: Sequence[tuple[int, int]],
        clock_rates: Mapping[int, int],
        dtmf_payload_type: int | None,
        signalled_from: str | None,
        hears: Sequence[tuple[int, str, int, int]],
        speaks: tuple[int, str, int, int] | None,
        takes_events: tuple[int, int] | None,
        finds_tones: bool,
        tells_digits: bool,
        srtp: tuple[bytes, bytes, bytes] | None,
    ) -> None: ...
    def statistics(self) -> Statistics: ...
    def source(self) -> tuple[str, int] | None: ...
    def close(self) -> Statistics: ...
    def terminate(self, listen_for: Sequence[float], record_samples: int) -> None: ...
    def play_silence(self) -> None: ...
    def play_echo(self) -> None: ...
    def play_tone(
        self, frequencies_hz: Sequence[float], level_dbm0: float, cadence_ms: tuple[int, int] | None
    ) -> None: ...
    def play_file(self, path: str, repeat: bool) -> None: ...
    def send_digits(self, digits: str, duration_ms: int) -> None: ...
    def announce_tone(
        self, frequencies_hz: Sequence[float], level_dbm0: float, cadence_ms: tuple[int, int] | None
    ) -> None: ...
    def announce_file(self, path: str, repeat: bool) -> None: ...
    def announce_nothing(self) -> None: ...
    def heard(self) -> tuple[str, list[tuple[float, int, float | None]]]: ...
    def write_recording(self, path: Path) -> None: ...
    def inject_fault(self) -> None: ...

@final
class Statistics:
    @property
    def packets_received(self) -> int: ...
    @property
    def octets_received(self) -> int: ...
    @property
    def packets_sent(self) -> int: ...
    @property
    def octets_sent(self) -> int: ...
    @property
    def packets_lost(self) -> int: ...
    @property
    def out_of_order(self) -> int: ...
    @property
    def duplicates(self) -> int: ...
    @property
    def jitter_ms(self) -> float: ...
    @property
    def mos(self) -> float | None: ...
    @property
    def dtmf_events(self) -> int: ...
    @property
    def dropped(self) -> dict[str, int]: ...

@final
class HeadReader:
    def __new__(
        cls,
        keys: list[tuple[str, str]],
        once: list[tuple[str, str]],
        *,
        head_bytes: int,
        lines: int,
        parameters: int,
        cseq: int,
    ) -> HeadReader: ...
    def read(self, data: bytes) -> _Head | _Fault: ...

# Start line; key -> values; spelling of unknown names; body, None where Content-Length is wrong. Then, None
# where not of the usual form: Via (transport, host, port, parameters), tag of From, tag of To, CSeq.
_Head: TypeAlias = tuple[
    str,
    dict[str, tuple[str, ...]],
    dict[str, str] | None,
    bytes | None,
    tuple[str, str, int | None, dict[str, str | None]] | None,
    tuple[str | None] | None,
    tuple[str | None] | None,
    tuple[int, str] | None,
]
# Element, detail, status.
_Fault: TypeAlias = tuple[str, str, int]
