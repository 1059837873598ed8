"""No secret survives, and nothing else changes."""

import time

import pytest

from trunkline.observe.masking import is_secret_name, mask_caller, mask_message, mask_text

DIGEST = (
    'Digest username="abcd1234", realm="trunk.example", nonce="n0", uri="sip:442079460000@trunk.example", '
    'response="6629fae49393a05397450978507c4ef1", algorithm=MD5, qop=auth, cnonce="c0", nc=00000001'
)


@pytest.mark.parametrize(
    "name", ["Authorization", "Proxy-Authorization", "proxy-authorization ", "AUTHORIZATION\t"]
)
def test_digest_loses_its_proof_and_keeps_the_rest(name: str) -> None:
    masked = mask_text(f"{name}: {DIGEST}\r\nTo: <sip:x@y>\r\n")
    assert "6629fae4" not in masked
    assert masked == f"{name}: {DIGEST}\r\nTo: <sip:x@y>\r\n".replace(
        '"6629fae49393a05397450978507c4ef1"', "***"
    )


def test_digest_folded_over_lines() -> None:
    masked = mask_text(
        'Authorization: Digest username="a",\r\n response = "6629fae4",\r\n\tnc=1\r\nresponse="kept"\r\n'
    )
    assert (
        masked == 'Authorization: Digest username="a",\r\n response = ***,\r\n\tnc=1\r\nresponse="kept"\r\n'
    )


def test_unterminated_quote_hides_to_the_end() -> None:
    assert mask_text('Authorization: Digest response="6629fae4') == "Authorization: Digest response=***"


def test_other_schemes_vanish_whole() -> None:
    assert mask_text("Authorization: Basic YWJj\r\n ZGVm\r\nVia: x") == "Authorization: ***\r\nVia: x"


def test_proof_is_masked_without_its_header_name() -> None:
    assert "6629fae4" not in mask_text(DIGEST)
    assert "6629fae4" not in mask_text(f'Authentication-Info: rspauth="{"6629fae4" * 8}"')


def test_challenge_is_no_secret() -> None:
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'
    assert mask_text(challenge) == challenge


@pytest.mark.parametrize("scheme", ["sip", "sips", "SIP"])
def test_password_in_a_uri(scheme: str) -> None:
    assert mask_text(f"<{scheme}:alice:pa$$@host:5060>") == f"<{scheme}:alice:***@host:5060>"


@pytest.mark.parametrize("uri", ["<sip:alice@host:5060;a=b@c>", "sip:[2001:db8::1]:5060", "sip:host:5060"])
def test_uri_without_password_stays(uri: str) -> None:
    assert mask_text(uri) == uri


def test_keys_in_a_body_keep_the_length() -> None:
    body = (
        b"v=0\r\nk=clear:geheim\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 "
        b"inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:32\r\na=key-mgmt:mikey AQAFgM0X==\r\n"
    )
    masked = mask_message(body)
    assert masked == (
        b"v=0\r\nk=clear:******\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 "
        b"inline:****************************************|2^20|1:32\r\na=key-mgmt:mikey **********\r\n"
    )
    assert len(masked) == len(body)


def test_bytes_that_are_no_text_survive() -> None:
    data = bytes(range(256)) * 3
    assert mask_message(data) == data


@pytest.mark.parametrize(
    "hostile",
    [
        "Authorization: Digest " + "response" * 8000,
        "Authorization: Digest " + 'response="' * 7000,
        "sip:a:" * 11000,
        "sip:" + "a" * 65000,
        "inline:" * 9000,
        "\r\n " * 20000,
        "Authorization:" * 4500,
        "response=" * 7000 + "0" * 2000,
    ],
)
def test_hostile_input_takes_linear_time(hostile: str) -> None:
    started = time.process_time()
    mask_text(hostile)
    assert time.process_time() - started < 0.25


def test_secret_names() -> None:
    assert is_secret_name("api_secret")
    assert is_secret_name("Proxy-Authorization")
    assert not is_secret_name("account")


# -- who withholds the number ----------------------------------------------------------------------

SDP = b"v=0\r\no=442079460000 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
WITHHELD = (
    b"INVITE sip:441632960001@sip.example SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
    b"f: <sip:442079460000@carrier.example>;tag=1\r\n"
    b"Contact: <sip:442079460000@192.0.2.1>\r\n"
    b"P-Asserted-Identity: <sip:442079460000@carrier.example>,\r\n <tel:+442079460000>\r\n"
    b"X-Original: 442079460000\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"c: application/sdp\r\n"
    b"Content-Length: %d\r\n\r\n" % len(SDP)
)


def test_who_withholds_the_number_is_named_nowhere() -> None:
    masked = mask_caller(WITHHELD + SDP, sent=False)
    head, _, body = masked.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"INVITE sip:441632960001@sip.example SIP/2.0",
        b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        b"f: ***",
        b"Contact: ***",
        b"P-Asserted-Identity: ***",
        b"X-Original: ***",
        b"CSeq: 1 INVITE",
        b"c: application/sdp",
        b"Content-Length: %d" % len(SDP),
    ]
    assert body == SDP.replace(b"442079460000", b"*" * 12).replace(b"s=-", b"s=*")


def test_nor_in_the_lines_of_sdp_that_name_a_person() -> None:
    """RFC 8866 §5.3 to §5.6."""
    sdp = b"v=0\r\ns=Jo\r\ni=Jo\r\nu=http://jo\r\ne=jo@x (Jo)\r\np=+44 20 7946 0000\r\nc=IN IP4 192.0.2.1\r\n"
    masked = mask_caller(b"SIP/2.0 200 OK\r\nc: application/sdp\r\n\r\n" + sdp, sent=False)
    body = masked.partition(b"\r\n\r\n")[2]
    assert len(body) == len(sdp)
    assert [line for line in body.splitlines() if line[2:].strip(b"*")] == [b"v=0", b"c=IN IP4 192.0.2.1"]


@pytest.mark.parametrize(
    ("message", "left"),
    [
        (
            b"BYE sip:4420@192.0.2.1 SIP/2.0\r\nTo: <sip:4420@c>\r\n\r\n",
            b"BYE *** SIP/2.0\r\nTo: ***\r\n\r\n",
        ),
        (b"SIP/2.0 200 OK\r\nFrom: <sip:4420@c>\r\n\r\n", b"SIP/2.0 200 OK\r\nFrom: ***\r\n\r\n"),
        (
            b"INFO sip:1@h SIP/2.0\n: 4420\nVia: x\n\t4420\n\n4420",
            b"INFO *** SIP/2.0\n: ***\nVia: x\n\t4420\n: ***\n4420: ***",
        ),
        (
            b"INFO sip:1@h SIP/2.0\r\nc: application/isup\r\n\r\n\x8044",
            b"INFO *** SIP/2.0\r\nc: application/isup\r\n\r\n***",
        ),
        (b"", b""),
    ],
    ids=["request of ours", "response", "no good message", "other body", "nothing"],
)
def test_other_messages_of_such_a_callers_leg(message: bytes, left: bytes) -> None:
    assert mask_caller(message, sent=True) == left
