"""The descriptions of `data/sdp`, as bodies."""

from collections.abc import Mapping
from pathlib import Path

from trunkline.sdp.agreement import Terms, payload_map, select_for_answer
from trunkline.sdp.codecs import CODEC_NAMES, Codec
from trunkline.sdp.offer_answer import RemoteAudio

PayloadMap = Mapping[int, int]
DATA = Path(__file__).parent / "data" / "sdp"
ADDRESSES = {
    "host.atlanta.example.com": "192.0.2.1",
    "host.biloxi.example.com": "192.0.2.2",
    "newhost.biloxi.example.com": "192.0.2.3",
    "otherhost.biloxi.example.com": "192.0.2.4",
    "placeholder.biloxi.example.com": "192.0.2.5",
    "mediaserver.biloxi.example.com": "192.0.2.6",
    "host.anywhere.com": "192.0.2.7",
    "host.example.com": "192.0.2.8",
}
"""What stands in for each host name."""


def examples(name: str, *, with_names: bool = False) -> dict[str, bytes]:
    """Section and part -> body. `with_names` leaves host names as printed."""
    found: dict[str, list[str]] = {}
    for line in (DATA / name).read_text(encoding="ascii").splitlines():
        if line.startswith("== "):
            lines = found.setdefault(line[3:], [])
        elif not with_names and line.startswith("c="):
            host = line.split(" ")[2]
            lines.append(line.replace(host, ADDRESSES.get(host, host)))
        else:
            lines.append(line)
    return {key: "".join(f"{line}\r\n" for line in lines).encode() for key, lines in found.items()}


def carried_back(offer: RemoteAudio, answer: RemoteAudio) -> tuple[list[Codec], PayloadMap, PayloadMap]:
    """What the RFC's `answer` to its `offer` comes to when both pass through us untouched: the codecs that
    the caller is answered, and how payload types map towards the callee and back.
    """
    far = Terms.of((*offer.codecs, *offer.telephone_events), answer, we_answered=False)
    codecs = select_for_answer(offer, far, CODEC_NAMES).codecs
    event = offer.telephone_event_for(codecs[0])
    mine = Terms.of([*codecs, *([] if event is None else [event])], offer, we_answered=True)
    return codecs, payload_map(mine, far), payload_map(far, mine)
