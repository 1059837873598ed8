"""What a fuzzer begins with: real input of each kind, and every case that was found before."""

from collections.abc import Iterator
from pathlib import Path

from tests.abuse.messages import corpus, torture
from tests.conformance.sdp_examples import DATA, examples

FOUND = Path(__file__).parent / "corpus"
"""A folder for each target: inputs that broke it once."""
EVERY = 40
"""Of the large corpus."""
_ADDRESS = b'"A. Person" <sip:+493012345678:secret@[2001:db8::1]:5061;transport=tls;lr?subject=x%20y>;tag=1'
_SEEDS: dict[str, tuple[bytes, ...]] = {
    "address": (_ADDRESS, b"<tel:+1-201-555-0123>, sip:a@b;x=y"),
    "bencode": (b"d6:result2:ok3:sdp5:v=0\r\n4:listli1ei-2ed1:a1:beee",),
    "digest": (
        b'Digest realm="trunk", nonce="abc", qop="auth", algorithm=SHA-256, stale=FALSE',
        b'Digest username="k", realm="r", nonce="n", uri="sip:x", response="0", qop=auth, nc=00000001',
    ),
    "info_digit": (b"Signal=5\r\nDuration=160\r\n", b"*"),
    "told_digit": (b'{"callid":"c","source_tag":"t","event":"5","duration":160}',),
    "forwarding": (b"100@pbx.example.com;timeout=2000, sips:100@pbx2;media=srtp, sip:k@[2001:db8::1]",),
    "hosts": (b"127.0.0.1 localhost # here\n::1 localhost ip6\n",),
    "number": (b"+49 (30) 1234-5678", b"0044%32079460123;phone-context=x"),
    "uri": (
        b"sip:%61lice:secret@atlanta.com:5060;transport=TCP;lr?to=sip:bob%40biloxi.com&x=y",
        b"tel:+1;a=b",
    ),
    "via": (b"SIP / 2.0 / UDP [2001:db8::9]:5060;branch=z9hG4bK1;rport=7;received=192.0.2.1",),
}


def seeds(target: str) -> Iterator[bytes]:
    """Those of one target."""
    yield from _SEEDS.get(target, ())
    yield from (path.read_bytes() for path in found(target))
    if target in ("message", "stream"):
        yield from (message.data for message in torture())
        yield from (message.data for message in corpus(5060)[::EVERY])
    elif target == "description":
        for file in sorted(DATA.glob("rfc*.txt")):
            yield from examples(file.name).values()


def found(target: str) -> list[Path]:
    """The cases that broke a target once."""
    return sorted((FOUND / target).glob("*"))


def write_seeds(target: str, folder: str) -> None:
    """A file for each."""
    for number, data in enumerate(seeds(target)):
        (Path(folder) / f"seed-{number}").write_bytes(data)
