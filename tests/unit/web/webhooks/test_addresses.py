"""Where a webhook may go."""

import pytest

from trunkline.web.webhooks.addresses import MAX_URL, WebhookUrlError, check_url, may_be_reached

PUBLIC = ["8.8.8.8", "1.1.1.1", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"]
PRIVATE = [
    "127.0.0.1",
    "127.255.0.9",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.127.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "198.18.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12::1",
    "fec0::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "2001::1",
    "100::1",
]
NEVER = ["0.0.0.0", "::", "224.0.0.1", "239.255.255.250", "ff02::1", "::ffff:0.0.0.0", "::ffff:224.0.0.1"]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert may_be_reached(address, private=False)
    assert may_be_reached(address, private=True)


@pytest.mark.parametrize("address", PRIVATE)
def test_special_addresses_are_for_the_operator_to_allow(address: str) -> None:
    assert not may_be_reached(address, private=False)
    assert may_be_reached(address, private=True)


@pytest.mark.parametrize("address", NEVER)
def test_what_is_nobody_s_address(address: str) -> None:
    assert not may_be_reached(address, private=False)
    assert not may_be_reached(address, private=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com:8443/hooks/trunk?token=a%20b",
        "http://8.8.8.8/",
        "https://[2001:4860:4860::8888]:8443/",
        "https://xn--bcher-kva.example/",
    ],
)
def test_urls_that_can_be(url: str) -> None:
    check_url(url, private=False)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "begins with https"),
        ("example.com/hook", "begins with https"),
        ("ftp://example.com/", "begins with https"),
        ("file:///etc/passwd", "begins with https"),
        ("https:///path", "begins with https"),
        ("https://example.com:0/", "begins with https"),
        ("https://example.com:99999/", "can't be read"),
        ("https://[::1/", "can't be read"),
        ("https://user:secret@example.com/", "no user name"),
        ("https://user@example.com/", "no user name"),
        ("https://example.com/#part", "no fragment"),
        ("https://exa mple.com/", "without spaces"),
        ("https://example.com/\r\nX: y", "without spaces"),
        ("https://bücher.example/", "printable ASCII"),
        ("https://example.com/" + "a" * MAX_URL, "up to"),
        ("http://127.0.0.1/", "not a public address"),
        ("http://[::ffff:127.0.0.1]/", "not a public address"),
        ("http://localhost:8080/", "not a public address"),
        ("http://a.LOCALHOST./", "not a public address"),
        ("http://printer.local/", "not a public address"),
    ],
)
def test_urls_that_can_not_be(url: str, words: str) -> None:
    with pytest.raises(WebhookUrlError, match=words):
        check_url(url, private=False)


def test_the_operator_may_allow_private_ones() -> None:
    for url in ("http://127.0.0.1:9000/", "http://localhost/", "http://10.0.0.5/"):
        check_url(url, private=True)
    with pytest.raises(WebhookUrlError):
        check_url("http://0.0.0.0/", private=True)
