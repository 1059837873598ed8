"""Digest authentication (RFC 3261 §22, RFC 7616, RFC 8760): challenges, their check, and answers to them.

MD5, SHA-256 and SHA-512-256; qop `auth`, `auth-int` only as a client, and none at all, as phones of RFC
2069's age send it. Only HA1s are needed to check; they are as good as the secret within their realm, and kept
accordingly.

Deliberate: MD5 is offered above SHA-256, against RFC 8760 §2.3, which wants the best one on top. SIPp 3.6
and pjproject 2.10 (Asterisk with it) look at the first challenge only, and give up when it isn't MD5.
`algorithms` changes the order, or leaves MD5 out.

Who is asked, with 401 or 407, and what happens after too many failures is not decided here.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, StrEnum
from typing import Final, NamedTuple

from trunkline.clock import Clock
from trunkline.sip import limits
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.grammar import quote, refuse_breaks
from trunkline.sip.nonce import NonceCounts, NonceMint

_PARAM = re.compile(
    r"""(?:^|,)[ \t]*+([A-Za-z0-9\-_.*]++)[ \t]*+=[ \t]*+(?:"((?:[^"\\]|\\.)*+)"|([^\s,"]++))""", re.DOTALL
)
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_NC = re.compile(r"[0-9A-Fa-f]{8}").fullmatch
_SKEW_S: Final = 60.0
"""How far the clocks of two edges may be apart."""
_HEX = re.compile(r"[0-9a-f]+").fullmatch


class Algorithm(StrEnum):
    """RFC 7616 §6.1, in the registry's spelling. Weakest first."""

    MD5 = "MD5"
    SHA_256 = "SHA-256"
    SHA_512_256 = "SHA-512-256"


_BY_NAME: Final = {algorithm.upper(): algorithm for algorithm in Algorithm}
_STRENGTH: Final = list(Algorithm)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _sha512_256(text: str) -> str:
    return hashlib.new("sha512_256", text.encode("utf-8", "surrogateescape")).hexdigest()


_HASH: Final[dict[Algorithm, Callable[[str], str]]] = {
    Algorithm.MD5: _md5,
    Algorithm.SHA_256: _sha256,
    Algorithm.SHA_512_256: _sha512_256,
}


def ha1(key: str, realm: str, secret: str, algorithm: Algorithm = Algorithm.MD5) -> str:
    """H(username:realm:password) in lower-case hex (RFC 7616 §3.4.2): stored instead of the secret."""
    return _HASH[algorithm](f"{key}:{realm}:{secret}")


def request_digest(
    algorithm: Algorithm,
    ha1_hex: str,
    method: str,
    uri: str,
    nonce: str,
    *,
    qop: str | None = None,
    nc: str = "",
    cnonce: str = "",
    body: bytes = b"",
) -> str:
    """The `response` of RFC 7616 §3.4.1, of RFC 2069 when `qop` is None."""
    hash_of = _HASH[algorithm]
    if qop == "auth-int":
        entity = hash_of(body.decode("utf-8", "surrogateescape"))
        ha2 = hash_of(f"{method}:{uri}:{entity}")
    else:
        ha2 = hash_of(f"{method}:{uri}")
    if qop is None:
        return hash_of(f"{ha1_hex}:{nonce}:{ha2}")
    return hash_of(f"{ha1_hex}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}")


def _parameters(value: str, element: str) -> dict[str, str]:
    """The parameters of a Digest challenge or credentials, names in lower case, values unquoted."""
    scheme, _, rest = value.partition(" ")
    if scheme.lower() != "digest":
        raise SipSyntaxError(element, "scheme is not Digest", status=401)
    if "\0" in rest:
        raise SipSyntaxError(element, "holds a NUL, which no answer to it could")
    found = _PARAM.findall(rest)
    params = {name.lower(): quoted or token for name, quoted, token in found}
    if len(params) != len(found) or len(found) > limits.PARAMETERS:
        raise SipSyntaxError(element, "parameter repeated, or too many")
    if "\\" in rest:
        return {name: _PAIR.sub(r"\1", text) for name, text in params.items()}
    return params


class Credentials(NamedTuple):
    """What an Authorization or Proxy-Authorization header says (RFC 3261 §20.7)."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    """Lower-case hex."""
    algorithm: Algorithm | None
    """MD5 when not named (RFC 7616 §3.4), None for one that Trunkline doesn't know."""
    qop: str | None
    nc: str
    """Eight hex digits, empty without qop."""
    cnonce: str

    @property
    def use(self) -> int:
        """How often the nonce was used, this time included: once without qop (RFC 2069)."""
        return int(self.nc or "1", 16)

    @classmethod
    def parse(cls, value: str) -> "Credentials":
        """Read one header value. Raises `SipSyntaxError` (status 401 for a scheme other than Digest)."""
        params = _parameters(value, "credentials")
        get = params.get
        username, nonce, uri, response = get("username"), get("nonce"), get("uri"), get("response")
        realm = get("realm")
        if username is None or realm is None or not nonce or not uri or not response:
            raise SipSyntaxError("credentials", "username, realm, nonce, uri or response missing")
        response = response.lower()
        if not _HEX(response):
            raise SipSyntaxError("credentials", "response is not hexadecimal")
        name = get("algorithm")
        algorithm = Algorithm.MD5 if name is None else _BY_NAME.get(name.upper())
        qop = get("qop")
        nc = get("nc", "")
        cnonce = get("cnonce", "")
        if qop is not None:
            qop = qop.lower()
            if not cnonce or not _NC(nc):
                raise SipSyntaxError("credentials", "qop without cnonce or nc")
        else:
            nc = ""  # no part of what is hashed then: anybody may have written it
        return cls(username, realm, nonce, uri, response, algorithm, qop, nc, cnonce)


class Outcome(Enum):
    """What a check found. To the client, everything but OK and STALE looks the same."""

    OK = "ok"
    STALE = "stale"
    """The secret is right, but the nonce is too old, not ours, or its count was used: ask again."""
    ELSEWHERE = "elsewhere"
    """As OK, as far as this edge can tell: another one has issued the nonce, and knows whether the count was
    used.
    """
    WRONG = "wrong"
    UNKNOWN = "unknown"
    """No HA1 for that username and algorithm."""
    OTHER_URI = "other-uri"
    """The secret is right, but for another request."""
    UNSUPPORTED = "unsupported"
    """Another realm, algorithm or qop than was asked for."""


class Challenger:
    """Asks for credentials of one realm, and checks them. Which counts of a nonce were used is known to the
    edge that has issued it, and to those that it was used at.
    """

    __slots__ = (
        "_algorithms",
        "_around_nonce",
        "_clock",
        "_counts",
        "_decoys",
        "_lifetime_s",
        "_mint",
        "realm",
    )

    def __init__(
        self,
        realm: str,
        key: bytes,
        clock: Clock,
        lifetime_s: float = 300.0,
        *,
        algorithms: Sequence[Algorithm] = (Algorithm.MD5, Algorithm.SHA_256),
        counts: NonceCounts | None = None,
        edge: str = "",
    ) -> None:
        """`key`: 16 or more secret bytes, the same on every edge. `algorithms`: offered in this order.
        `edge`: this one's name.

        `counts`: refuses used nonce counts when given; without it a nonce may be used any number of times in
        its life.
        """
        self.realm = realm
        self._mint = NonceMint(realm, key, edge)
        self._clock = clock
        self._lifetime_s = lifetime_s
        self._algorithms = tuple(algorithms)
        self._counts = counts
        self._around_nonce = [
            (f'Digest realm={quote(realm)}, nonce="', f'", algorithm={algorithm}, qop="auth"')
            for algorithm in self._algorithms
        ]
        self._decoys = {algorithm: _HASH[algorithm](key.hex()) for algorithm in Algorithm}

    def challenge_headers(self, host: str, stale: bool = False) -> list[str]:
        """Values for WWW-Authenticate or Proxy-Authenticate, one line each, to be sent to `host` in this
        order.
        """
        nonce = self._mint.issue(self._clock.wall(), host)
        tail = ", stale=true" if stale else ""
        return [f"{before}{nonce}{behind}{tail}" for before, behind in self._around_nonce]

    def asked(self, credentials: Credentials, host: str) -> bool:
        """Whether these credentials answer a challenge that was sent to `host`: its address is its own
        then.
        """
        return self._mint.is_for(credentials.nonce, host)

    @property
    def issuer(self) -> str:
        """What the nonces of this edge say of it."""
        return self._mint.issuer

    def issuer_of(self, nonce: str) -> str | None:
        """The `issuer` of the edge that has issued it; None when none of ours has."""
        return self._mint.issuer_of(nonce)

    def take(self, nonce: str, count: int) -> bool:
        """Use `count` of a nonce that this edge has issued and another one was answered with. False when it
        was used, can't be told, or the nonce isn't this edge's, or too old.
        """
        issued_at = self._mint.issued_at(nonce)
        return self._mint.issuer_of(nonce) == self.issuer and self._count(nonce, count, issued_at)

    def receipt(self, question: str, nonce: str, count: int) -> str:
        """Proves to another edge that the answer to its `question` is ours: `count` was taken."""
        return self._mint.receipt(question, nonce, count)

    def find(self, values: Iterable[str]) -> Credentials | None:
        """The first of these header values that holds Digest credentials of this realm, if any does."""
        for value in values:
            try:
                credentials = Credentials.parse(value)
            except SipSyntaxError:
                continue
            if credentials.realm == self.realm:
                return credentials
        return None

    def check(
        self,
        credentials: Credentials,
        method: str,
        ha1_lookup: Callable[[str, Algorithm], str | None],
        request_uri: str | None = None,
    ) -> Outcome:
        """Check credentials for a request. The same work is done whether the username is known or not.

        `ha1_lookup(username, algorithm)` gives the stored HA1 or None. `request_uri` is compared as
        `uris_agree` does.
        """
        algorithm = credentials.algorithm
        if algorithm not in self._algorithms or credentials.realm != self.realm:
            return Outcome.UNSUPPORTED
        qop = credentials.qop
        if qop is not None and qop != "auth":
            return Outcome.UNSUPPORTED
        stored = ha1_lookup(credentials.username, algorithm)
        expected = request_digest(
            algorithm,
            self._decoys[algorithm] if stored is None else stored,
            method,
            credentials.uri,
            credentials.nonce,
            qop=qop,
            nc=credentials.nc,
            cnonce=credentials.cnonce,
        )
        right = hmac.compare_digest(expected, credentials.response)
        issued_at = self._mint.issued_at(credentials.nonce)
        if stored is None:
            return Outcome.UNKNOWN
        if not right:
            return Outcome.WRONG
        if request_uri is not None and not uris_agree(credentials.uri, request_uri):
            return Outcome.OTHER_URI
        if not self._count(credentials.nonce, credentials.use, issued_at):
            return Outcome.STALE
        own = self._counts is None or self._mint.issuer_of(credentials.nonce) == self.issuer
        return Outcome.OK if own else Outcome.ELSEWHERE

    def _count(self, nonce: str, count: int, issued_at: float | None) -> bool:
        """Whether the nonce is fresh, and its count was not used here; it is now."""
        wall = self._clock.wall()
        if issued_at is None or not -_SKEW_S <= wall - issued_at <= self._lifetime_s:
            return False
        return self._counts is None or self._counts.take(nonce, issued_at, count, wall)


def uris_agree(digest_uri: str, request_uri: str) -> bool:
    """Whether a digest's uri may stand for this Request-URI.

    RFC 7616 §3.4.6 wants the same resource; RFC 8760 §2.6 item 6 lets a UAS accept others, as proxies
    rewrite. So the host is not compared, and a uri without a user agrees with every user: SIPp sends
    `sip:host:port` for any request.
    """
    if digest_uri == request_uri:
        return True
    if not _is_sip(digest_uri) or not _is_sip(request_uri):
        return False
    digest_user, at, _ = digest_uri.partition("@")
    request_user, request_at, _ = request_uri.partition("@")
    if not at or not request_at:
        return True
    return digest_user.partition(":")[2] == request_user.partition(":")[2]


def _is_sip(uri: str) -> bool:
    return uri[:4].lower() == "sip:" or uri[:5].lower() == "sips:"


class Challenge(NamedTuple):
    """One WWW-Authenticate or Proxy-Authenticate header (RFC 3261 §20.44)."""

    realm: str
    nonce: str
    algorithm: Algorithm | None
    """MD5 when not named, None for one that Trunkline doesn't know."""
    qop: tuple[str, ...]
    """What is offered; empty for RFC 2069."""
    opaque: str | None
    stale: bool
    """The nonce was too old, the secret right: answer again (RFC 7616 §3.3)."""
    algorithm_named: bool

    @classmethod
    def parse(cls, value: str) -> "Challenge":
        """Read one header value. Raises `SipSyntaxError`."""
        params = _parameters(value, "challenge")
        realm, nonce, name = params.get("realm"), params.get("nonce"), params.get("algorithm")
        if realm is None or not nonce:
            raise SipSyntaxError("challenge", "realm or nonce missing")
        algorithm = Algorithm.MD5 if name is None else _BY_NAME.get(name.upper())
        qop = tuple([option.strip().lower() for option in params.get("qop", "").split(",") if option.strip()])
        stale = params.get("stale", "").lower() == "true"
        return cls(realm, nonce, algorithm, qop, params.get("opaque"), stale, name is not None)

    @property
    def answerable(self) -> bool:
        """True when algorithm and qop are known ones."""
        return self.algorithm is not None and (not self.qop or "auth" in self.qop or "auth-int" in self.qop)


def choose_challenge(values: Iterable[str]) -> Challenge | None:
    """The answerable challenge with the strongest algorithm among these header values, if there is one."""
    best: Challenge | None = None
    best_strength = -1
    for value in values:
        try:
            challenge = Challenge.parse(value)
        except SipSyntaxError:
            continue
        if challenge.algorithm is not None and challenge.answerable:
            strength = _STRENGTH.index(challenge.algorithm)
            if strength > best_strength:
                best, best_strength = challenge, strength
    return best


def answer_challenge(
    challenge_value: str | Iterable[str],
    method: str,
    uri: str,
    user: str,
    secret: str,
    cnonce: str,
    nc: int = 1,
    body: bytes = b"",
) -> str | None:
    """The Authorization or Proxy-Authorization value that answers a challenge; None when none can be.

    Of several challenges the strongest algorithm is taken, of its qop `auth` before `auth-int`. `cnonce`: a
    fresh token; `nc`: how often the nonce has been used, this time included. Raises `SipBuildError` when a
    value can't be sent.
    """
    values = [challenge_value] if isinstance(challenge_value, str) else challenge_value
    challenge = choose_challenge(values)
    if challenge is None or challenge.algorithm is None:
        return None
    algorithm = challenge.algorithm
    qop = None
    if challenge.qop:
        qop = "auth" if "auth" in challenge.qop else "auth-int"
    count = f"{nc:08x}"
    response = request_digest(
        algorithm,
        ha1(user, challenge.realm, secret, algorithm),
        method,
        uri,
        challenge.nonce,
        qop=qop,
        nc=count,
        cnonce=cnonce,
        body=body,
    )
    parts = [
        f"Digest username={quote(user)}",
        f"realm={quote(challenge.realm)}",
        f"nonce={quote(challenge.nonce)}",
        f"uri={quote(uri)}",
        f'response="{response}"',
    ]
    if challenge.algorithm_named:
        parts.append(f"algorithm={algorithm}")
    if qop is not None:
        refuse_breaks(cnonce, "cnonce")
        parts.append(f"qop={qop}, nc={count}, cnonce={quote(cnonce)}")
    if challenge.opaque is not None:
        parts.append(f"opaque={quote(challenge.opaque)}")
    return ", ".join(parts)
