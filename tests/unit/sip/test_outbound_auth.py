"""Answers to challenges."""

from collections.abc import Callable

from tests.simulation.phone import token_source
from trunkline.sip.digest import Credentials, ha1, request_digest
from trunkline.sip.headers import Headers
from trunkline.sip.message import Request, Response
from trunkline.sip.outbound_auth import Authenticator, DigestUser


def challenge(nonce: str = "n1", *, status: int = 407, realm: str = "r", more: str = "") -> Response:
    name = "Proxy-Authenticate" if status == 407 else "WWW-Authenticate"
    value = f'Digest realm="{realm}", nonce="{nonce}", algorithm=SHA-256, qop="auth"{more}'
    return Response(status, headers=Headers([(name, value)]))


def fresh(authenticator: Authenticator) -> Request:
    request = Request("REGISTER", "sip:r.example.com", Headers())
    authenticator.authorize(request)
    return request


def made(realm: str | None = None) -> Authenticator:
    token: Callable[[], str] = token_source("auth")
    return Authenticator(DigestUser("key", "secret", realm), token)


def test_answer_is_right() -> None:
    authenticator = made()
    request = fresh(authenticator)
    assert "proxy-authorization" not in request.headers
    assert authenticator.challenged(request, challenge(), 0)
    credentials = Credentials.parse(fresh(authenticator).headers.get("proxy-authorization") or "")
    assert credentials.algorithm is not None
    assert (credentials.username, credentials.nc) == ("key", "00000001")
    assert credentials.response == request_digest(
        credentials.algorithm,
        ha1("key", "r", "secret", credentials.algorithm),
        "REGISTER",
        "sip:r.example.com",
        "n1",
        qop="auth",
        nc="00000001",
        cnonce=credentials.cnonce,
    )


def test_nonce_count_goes_up_and_starts_again() -> None:
    """RFC 7616 §3.4: for each use of one nonce; cnonce fresh each time."""
    authenticator = made()
    authenticator.challenged(fresh(authenticator), challenge("n1"), 0)
    requests = [fresh(authenticator) for _ in range(3)]
    seen = [Credentials.parse(one.headers.get("proxy-authorization") or "") for one in requests]
    assert [one.nc for one in seen] == ["00000001", "00000002", "00000003"]
    assert len({one.cnonce for one in seen}) == 3
    authenticator.challenged(fresh(authenticator), challenge("n2"), 0)
    assert Credentials.parse(fresh(authenticator).headers.get("proxy-authorization") or "").nc == "00000001"


def test_server_and_proxy_at_once() -> None:
    """RFC 3261 §22.3: both answers are carried."""
    authenticator = made()
    assert authenticator.challenged(fresh(authenticator), challenge(status=407), 0)
    assert authenticator.challenged(fresh(authenticator), challenge(status=401), 1)
    request = fresh(authenticator)
    assert {"authorization", "proxy-authorization"} <= set(request.headers.keys())


def test_refused_twice() -> None:
    """The same nonce again means that the secret is wrong, unless it is called stale."""
    authenticator = made()
    authenticator.challenged(fresh(authenticator), challenge(), 0)
    request = fresh(authenticator)
    assert not authenticator.challenged(request, challenge(), 1)
    assert authenticator.challenged(request, challenge(more=", stale=true"), 1)
    assert authenticator.challenged(request, challenge("n2"), 1)


def test_rounds() -> None:
    authenticator = made()
    assert not authenticator.challenged(fresh(authenticator), challenge(), 2)


def test_realm() -> None:
    """The secret is not shown to a realm that it isn't for."""
    assert made("r").challenged(fresh(made()), challenge(), 0)
    assert not made("elsewhere").challenged(fresh(made()), challenge(), 0)


def test_the_challenge_of_the_realm_among_several() -> None:
    """A proxy that has forked asks for each of its branches (RFC 3261 §22.3): the strongest is not ours."""
    authenticator = made("ours")
    request = fresh(authenticator)
    values = [
        'Digest realm="theirs", nonce="n1", algorithm=SHA-256, qop="auth"',
        'Digest realm="ours", nonce="n2", algorithm=MD5, qop="auth"',
        "Basic x",
    ]
    headers = Headers([("Proxy-Authenticate", value) for value in values])
    assert authenticator.challenged(request, Response(407, headers=headers), 0)
    credentials = Credentials.parse(fresh(authenticator).headers.get("proxy-authorization") or "")
    assert (credentials.realm, credentials.nonce) == ("ours", "n2")


def test_challenges_without_an_answer() -> None:
    authenticator = made()
    for value in ("Basic realm=x", "Digest realm=x", 'Digest realm="x", nonce="y", algorithm=unknown'):
        response = Response(401, headers=Headers([("WWW-Authenticate", value)]))
        assert not authenticator.challenged(fresh(authenticator), response, 0)
    assert not authenticator.challenged(fresh(authenticator), Response(407), 0)


def test_secret_is_not_printed() -> None:
    assert "secret" not in repr(DigestUser("key", "secret"))
