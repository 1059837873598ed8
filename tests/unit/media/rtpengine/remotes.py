"""Peers as a call describes them."""

from dataclasses import replace

from trunkline.call.ports import AudioFormat, MediaFlow, RemoteMedia, TelephoneEvents

PCMA = AudioFormat(8, "PCMA", 8000)
PCMU = AudioFormat(0, "PCMU", 8000)
G729 = AudioFormat(18, "G729", 8000)
ILBC = AudioFormat(97, "iLBC", 8000, mode_ms=20)
SPEEX = AudioFormat(98, "speex", 16000, ptime_ms=40)


def peer(address: str = "198.51.100.7", port: int = 4000, **changes: object) -> RemoteMedia:
    """One with PCMA and telephone-event, as the far one has them."""
    remote = RemoteMedia(
        rtp_address=address,
        rtp_port=port,
        rtcp_port=port + 1,
        direction=MediaFlow.BOTH,
        payload_types={8: 8, 101: 101},
        clock_rates={8: 8000, 101: 8000},
        dtmf_payload_type=101,
        signalled_from=None,
        hears=(PCMA,),
        speaks=PCMA,
        takes_events=TelephoneEvents(101, 8000),
    )
    return replace(remote, **changes)  # type: ignore[arg-type]
