"""Everything in Python that reads what a stranger wrote, as functions of bytes.

Each may refuse its input with the one error that it is documented with. Anything else that it raises is a
bug, and so is what it reads otherwise than what it has printed.
"""

from collections.abc import Callable
from contextlib import suppress

from trunkline.call.digits import holds_digit, read_digit
from trunkline.errors import DirectoryError, SdpError, SipError
from trunkline.media.rtpengine import digit_log
from trunkline.media.rtpengine.bencode import BencodeError, decode, encode
from trunkline.net.hosts_file import read_hosts
from trunkline.sdp.crypto import read_crypto
from trunkline.sdp.description import SessionDescription
from trunkline.sdp.offer_answer import RemoteAudio
from trunkline.sip.digest import Challenge, Credentials
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.framing import StreamFramer
from trunkline.sip.message import Request, read_reasons
from trunkline.sip.multipart import unwrap
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.parse import parse_message, salvage
from trunkline.sip.referral import read_refer
from trunkline.sip.uri import SipUri, parse_uri
from trunkline.sip.via import Via
from trunkline.trunk.caller_id import read_identity
from trunkline.trunk.e164 import number_or_none
from trunkline.trunk.forwarding import ForwardingList


def message(data: bytes) -> None:
    """A SIP message, and every header field that somebody asks for; printed, it reads the same."""
    try:
        read = parse_message(data)
    except SipSyntaxError:
        salvage(data)
        return
    again = parse_message(read.to_bytes())
    assert again.to_bytes() == read.to_bytes()
    for ask in (
        lambda: read.vias,
        lambda: read.from_,
        lambda: read.to,
        lambda: read.contacts,
        lambda: read.cseq,
        lambda: read_reasons(read.headers.all("reason")),
        lambda: unwrap(read),
        lambda: read_identity(
            read.from_,
            asserted=read.headers.all("p-asserted-identity"),
            remote_party=read.headers.all("remote-party-id"),
            privacy=read.headers.all("privacy"),
        ),
    ):
        with suppress(SipError):
            ask()
    if isinstance(read, Request):
        with suppress(SipError):
            read_refer(read)


def stream(data: bytes) -> None:
    """A TCP stream in pieces: they don't change which messages are read. (Keep-alives may be cut in two.)"""
    whole, cut = StreamFramer(), StreamFramer()
    taken: list[object] = []
    pieces: list[object] = []
    with suppress(SipSyntaxError):
        taken += whole.feed(data)
    with suppress(SipSyntaxError):
        for start in range(0, len(data), 7):
            pieces += cut.feed(data[start : start + 7])
    messages = [one for one in taken if isinstance(one, bytes)]
    assert [one for one in pieces if isinstance(one, bytes)][: len(messages)] == messages


def uri(data: bytes) -> None:
    """A URI; printed, it reads the same."""
    with suppress(SipSyntaxError):
        read = parse_uri(_text(data))
        again = parse_uri(str(read))
        assert again == read
        if isinstance(read, SipUri) and isinstance(again, SipUri):
            assert again.equivalent(read)


def address(data: bytes) -> None:
    """A name-addr, and a list of them."""
    text = _text(data)
    with suppress(SipSyntaxError):
        read = NameAddr.parse(text)
        assert str(NameAddr.parse(str(read))) == str(read)
    with suppress(SipSyntaxError):
        NameAddr.parse_list(text)


def via(data: bytes) -> None:
    """A Via; printed, it reads the same."""
    with suppress(SipSyntaxError):
        read = Via.parse(_text(data))
        assert str(Via.parse(str(read))) == str(read)


def digest(data: bytes) -> None:
    """A challenge, and an answer to one."""
    text = _text(data)
    for read in (Challenge.parse, Credentials.parse):
        with suppress(SipSyntaxError):
            read(text)


def description(data: bytes) -> None:
    """A session description, its audio, its keys."""
    with suppress(SdpError):
        SessionDescription.read(data)
    with suppress(SdpError):
        RemoteAudio.read(data)
    with suppress(SdpError):
        read_crypto(_text(data).split("\n"))


def info_digit(data: bytes) -> None:
    """The body of an INFO."""
    for content_type in ("application/dtmf-relay", "application/dtmf", _text(data[:40])):
        if holds_digit(content_type):
            read_digit(content_type, data)


def told_digit(data: bytes) -> None:
    """What an rtpengine tells of a key pressed."""
    digit_log.read_digit(data)


def forwarding(data: bytes) -> None:
    """What a customer types under "Forward to SIP"; its text reads the same."""
    with suppress(DirectoryError):
        read = ForwardingList.parse(_text(data))
        assert ForwardingList.parse(read.text).endpoints == read.endpoints


def number(data: bytes) -> None:
    """A dialled number: digits or none."""
    read = number_or_none(_text(data))
    assert read is None or (read.isascii() and read.isdigit() and 7 <= len(read) <= 15)


def bencode(data: bytes) -> None:
    """An answer of an rtpengine."""
    try:
        read = decode(data)
    except BencodeError:
        return
    assert decode(encode(read)) == read


def hosts(data: bytes) -> None:
    """The hosts file."""
    read_hosts(data.decode("utf-8", "replace"))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        address,
        bencode,
        description,
        digest,
        info_digit,
        told_digit,
        forwarding,
        hosts,
        message,
        number,
        stream,
        uri,
        via,
    )
}
