"""`trunkline.sip.digest`: challenges, their check, and answers."""

from collections.abc import Callable

import pytest

from trunkline.clock import TimerHeap
from trunkline.sip import digest, limits
from trunkline.sip.digest import (
    Algorithm,
    Challenge,
    Challenger,
    Credentials,
    Outcome,
    answer_challenge,
    choose_challenge,
    ha1,
    request_digest,
    uris_agree,
)
from trunkline.sip.errors import SipBuildError, SipSyntaxError
from trunkline.sip.nonce import NonceCounts

REALM = "sip.example.com"
KEY = b"the key that all the edges share"
URI = "sip:+4989123456@sip.example.com"
SECRETS = {"alice": "wonder land", 'b"o\\b': "s3cret", "zoë": "Grüße"}


class Edge:
    """A challenger on a clock that stands where it is put."""

    def __init__(self, **options: object) -> None:
        self.wall = 1_700_000_000.0
        clock = TimerHeap(lambda: 0.0, lambda: self.wall)
        self.challenger = Challenger(REALM, KEY, clock, 300.0, **options)  # type: ignore[arg-type]
        self.asked: list[tuple[str, Algorithm]] = []

    def lookup(self, username: str, algorithm: Algorithm) -> str | None:
        self.asked.append((username, algorithm))
        secret = SECRETS.get(username)
        return None if secret is None else ha1(username, REALM, secret, algorithm)

    def check(self, value: str | None, method: str = "INVITE", uri: str | None = URI) -> Outcome:
        assert value is not None
        return self.challenger.check(Credentials.parse(value), method, self.lookup, uri)


def answer(
    edge: Edge, user: str = "alice", secret: str | None = None, *, index: int | None = None, nc: int = 1
) -> str:
    challenges = edge.challenger.challenge_headers("192.0.2.1")
    if index is not None:
        challenges = [challenges[index]]
    value = answer_challenge(
        challenges, "INVITE", URI, user, SECRETS[user] if secret is None else secret, "cn0nce", nc
    )
    assert value is not None
    return value


def test_md5_stands_on_top_and_sha_256_below() -> None:
    one, two = Edge().challenger.challenge_headers("192.0.2.1")
    nonce = Challenge.parse(one).nonce
    assert one == f'Digest realm="sip.example.com", nonce="{nonce}", algorithm=MD5, qop="auth"'
    assert two == f'Digest realm="sip.example.com", nonce="{nonce}", algorithm=SHA-256, qop="auth"'


def test_stale_is_said() -> None:
    for value in Edge().challenger.challenge_headers("192.0.2.1", stale=True):
        assert value.endswith(", stale=true")
        assert Challenge.parse(value).stale
    assert not Challenge.parse(Edge().challenger.challenge_headers("192.0.2.1")[0]).stale


@pytest.mark.parametrize("user", list(SECRETS))
@pytest.mark.parametrize("index", [0, 1])
def test_the_right_answer_is_ok(user: str, index: int) -> None:
    edge = Edge()
    assert edge.check(answer(edge, user, index=index)) is Outcome.OK
    assert edge.asked == [(user, (Algorithm.MD5, Algorithm.SHA_256)[index])]


def test_a_challenge_of_one_edge_is_good_on_another() -> None:
    assert Edge().check(answer(Edge())) is Outcome.OK
    clock = TimerHeap(lambda: 0.0, lambda: 1_700_000_000.0)
    stranger = Challenger(REALM, KEY[::-1], clock)
    assert stranger.check(Credentials.parse(answer(Edge())), "INVITE", Edge().lookup) is Outcome.STALE


def test_an_answer_tells_which_host_was_challenged() -> None:
    edge = Edge(edge="a")
    credentials = Credentials.parse(answer(edge))
    for asking in (edge, Edge(edge="b")):
        assert asking.challenger.asked(credentials, "192.0.2.1")
        assert not asking.challenger.asked(credentials, "192.0.2.2")


def test_wrong_answers() -> None:
    edge = Edge()
    assert edge.check(answer(edge, secret="wrong")) is Outcome.WRONG
    assert edge.check(answer(edge), method="BYE") is Outcome.WRONG
    assert edge.check(answer(edge, "alice", SECRETS["zoë"])) is Outcome.WRONG
    assert edge.check(answer(edge, "mallory", "x")) is Outcome.UNKNOWN


def test_every_changed_part_makes_the_answer_wrong() -> None:
    edge = Edge()
    good = Credentials.parse(answer(edge))
    other_nonce = Challenge.parse(edge.challenger.challenge_headers("192.0.2.1")[0]).nonce
    edge.wall += 1
    for change in (
        {"nonce": other_nonce[:-1] + "A"},
        {"uri": "sip:+4989123456@other"},
        {"nc": "00000002"},
        {"cnonce": "other"},
        {"response": "0" * 64},
        {"response": good.response[:-1]},
        {"algorithm": Algorithm.MD5},
        {"qop": None},
    ):
        changed = good._replace(**change)
        assert edge.challenger.check(changed, "INVITE", edge.lookup) is Outcome.WRONG


def test_the_same_work_is_done_for_an_unknown_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """No clock is read: what is compared is which hashes are made, of how many characters."""
    work: list[int] = []
    for algorithm in (Algorithm.MD5, Algorithm.SHA_256):
        real = digest._HASH[algorithm]

        def counted(text: str, real: Callable[[str], str] = real) -> str:
            work.append(len(text))
            return real(text)

        monkeypatch.setitem(digest._HASH, algorithm, counted)
    edge = Edge()
    stored = {algorithm: ha1("alice", REALM, "x", algorithm) for algorithm in Algorithm}
    for index in (0, 1):
        traces = []
        for user in ("alice", "malic"):
            credentials = Credentials.parse(answer(edge, user, "wrong", index=index))
            work.clear()
            edge.challenger.check(
                credentials,
                "INVITE",
                lambda username, algorithm: stored[algorithm] if username == "alice" else None,
                URI,
            )
            traces.append(work.copy())
        assert traces[0] == traces[1] != []


def test_a_nonce_grows_stale() -> None:
    edge = Edge()
    value = answer(edge)
    edge.wall += 300
    assert edge.check(value) is Outcome.OK
    edge.wall += 1
    assert edge.check(value) is Outcome.STALE
    assert edge.check(answer(edge, secret="wrong")) is Outcome.WRONG


def test_an_old_nonce_with_a_wrong_secret_is_wrong_not_stale() -> None:
    edge = Edge()
    value = answer(edge, secret="wrong")
    edge.wall += 10_000
    assert edge.check(value) is Outcome.WRONG


def test_clocks_of_two_edges_may_differ_by_a_minute() -> None:
    edge = Edge()
    value = answer(edge)
    edge.wall -= 59
    assert edge.check(value) is Outcome.OK
    edge.wall -= 2
    assert edge.check(value) is Outcome.STALE


def test_a_nonce_of_ones_own_making_is_stale_at_best() -> None:
    edge = Edge()
    value = answer_challenge(f'Digest realm="{REALM}", nonce="mine", qop="auth"', "INVITE", URI, "alice",
                             SECRETS["alice"], "cn")  # fmt: skip
    assert edge.check(value) is Outcome.STALE


def test_a_used_count_is_refused_when_counted() -> None:
    edge = Edge(counts=NonceCounts())
    value = answer(edge)
    assert edge.check(value) is Outcome.OK
    assert edge.check(value) is Outcome.STALE
    assert edge.check(answer(edge, nc=2)) is Outcome.OK
    assert edge.check(answer(edge, nc=1)) is Outcome.STALE
    uncounted = Edge()
    assert uncounted.check(answer(uncounted)) is uncounted.check(answer(uncounted)) is Outcome.OK


def test_a_count_is_used_once_at_all_edges_when_the_issuer_is_asked() -> None:
    one, two = (Edge(counts=NonceCounts(), edge=name) for name in ("one", "two"))
    value = answer(one)
    nonce = Credentials.parse(value).nonce
    assert two.check(value) is Outcome.ELSEWHERE
    assert two.check(value) is Outcome.STALE, "used here, whatever the issuer says"
    assert two.challenger.issuer_of(nonce) == one.challenger.issuer
    assert one.challenger.take(nonce, 1)
    assert not one.challenger.take(nonce, 1)
    assert one.check(value) is Outcome.STALE
    one.wall += 1
    assert one.check(answer(one)) is Outcome.OK
    assert not two.challenger.take(nonce, 2), "not its own"
    assert not one.challenger.take("mine", 1)
    one.wall += 301
    assert not one.challenger.take(nonce, 2), "too old"


def test_a_wrong_answer_uses_up_no_count() -> None:
    edge = Edge(counts=NonceCounts())
    assert edge.check(answer(edge, secret="wrong", nc=9)) is Outcome.WRONG
    assert edge.check(answer(edge, nc=1)) is Outcome.OK


def test_an_answer_without_qop_is_taken() -> None:
    """RFC 2069, as old phones send it."""
    edge = Edge(counts=NonceCounts())
    nonce = Challenge.parse(edge.challenger.challenge_headers("192.0.2.1")[0]).nonce
    response = request_digest(
        Algorithm.MD5, ha1("alice", REALM, SECRETS["alice"]), "REGISTER", "sip:sip.example.com", nonce
    )
    value = (
        f'Digest username="alice",realm="{REALM}",nonce="{nonce}",uri="sip:sip.example.com",'
        f'response="{response}"'
    )
    assert edge.check(value, "REGISTER", "sip:sip.example.com") is Outcome.OK
    assert edge.check(value, "REGISTER", "sip:sip.example.com") is Outcome.STALE


@pytest.mark.parametrize("nc", ["00000002", "ffffffff", "zzzzzzzz", '""'])
def test_a_count_without_qop_counts_nothing(nc: str) -> None:
    """RFC 2069 hashes no count: whoever has overheard the answer could write any beside it."""
    edge = Edge(counts=NonceCounts())
    nonce = Challenge.parse(edge.challenger.challenge_headers("192.0.2.1")[0]).nonce
    response = request_digest(Algorithm.MD5, ha1("alice", REALM, SECRETS["alice"]), "INVITE", URI, nonce)
    value = f'Digest username="alice",realm="{REALM}",nonce="{nonce}",uri="{URI}",response="{response}"'
    assert edge.check(value) is Outcome.OK
    assert edge.check(f"{value},nc={nc}") is Outcome.STALE


def test_sipps_answer_is_taken() -> None:
    """SIPp quotes neither qop nor algorithm, and its uri is the remote address, whatever the Request-URI."""
    edge = Edge()
    nonce = Challenge.parse(edge.challenger.challenge_headers("192.0.2.1")[0]).nonce
    uri = "sip:127.0.0.1:5060"
    response = request_digest(
        Algorithm.MD5, ha1("alice", REALM, SECRETS["alice"]), "INVITE", uri, nonce,
        qop="auth", nc="00000001", cnonce="6b8b4567",
    )  # fmt: skip
    value = (
        f'Digest username="alice",realm="{REALM}",cnonce="6b8b4567",nc=00000001,qop=auth,uri="{uri}",'
        f'nonce="{nonce}",response="{response}",algorithm=MD5'
    )
    assert edge.check(value, uri="sip:+4989123456@127.0.0.1:5060") is Outcome.OK


def test_credentials_for_another_number_are_not_taken() -> None:
    edge = Edge()
    assert edge.check(answer(edge), uri="sip:+49900123456@sip.example.com") is Outcome.OTHER_URI
    assert edge.check(answer(edge), uri="sip:+4989123456@127.0.0.1") is Outcome.OK
    assert edge.check(answer(edge), uri=None) is Outcome.OK


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("sip:a@h", "sip:a@h", True),
        ("sip:a@h", "sip:a@other:5060;transport=tcp", True),
        ("sip:a@h", "sips:a@h", True),
        ("SIP:h", "sip:a@h", True),
        ("sip:a@h", "sip:h", True),
        ("sip:a@h", "sip:b@h", False),
        ("sip:a@h", "sip:A@h", False),
        ("tel:+1", "tel:+1", True),
        ("tel:+1", "tel:+2", False),
        ("tel:+1", "sip:+1@h", False),
        ("/", "sip:h", False),
    ],
)
def test_which_uris_agree(one: str, other: str, agree: bool) -> None:
    assert uris_agree(one, other) is agree
    assert uris_agree(other, one) is agree


def test_algorithms_can_be_chosen() -> None:
    edge = Edge(algorithms=(Algorithm.SHA_512_256,))
    assert [Challenge.parse(v).algorithm for v in edge.challenger.challenge_headers("192.0.2.1")] == [
        Algorithm.SHA_512_256
    ]
    assert edge.check(answer(edge)) is Outcome.OK
    assert edge.check(answer(Edge())) is Outcome.UNSUPPORTED


def test_other_realms_algorithms_and_qops_are_unsupported() -> None:
    edge = Edge()
    good = Credentials.parse(answer(edge))
    for change in (
        {"realm": "other"}, {"algorithm": None}, {"algorithm": Algorithm.SHA_512_256}, {"qop": "auth-int"},
    ):  # fmt: skip
        changed = good._replace(**change)
        assert edge.challenger.check(changed, "INVITE", edge.lookup) is Outcome.UNSUPPORTED
    assert edge.asked == []


def test_credentials_are_found_among_others() -> None:
    edge = Edge()
    value = answer(edge)
    elsewhere = value.replace(REALM, "elsewhere")
    found = edge.challenger.find(["NoOneKnowsThisScheme opaque=x", "Digest rubbish", elsewhere, value])
    assert found == Credentials.parse(value)
    assert edge.challenger.find([elsewhere]) is None
    assert edge.challenger.find([]) is None


def test_credentials_are_read() -> None:
    credentials = Credentials.parse(
        'dIgEsT  username = "a\\"b" , realm="r, s",nonce=n,uri="sip:a,b@c",RESPONSE="ABCDEF",'
        'algorithm="sha-256",qop="AUTH", nc=0000000A,cnonce="c=",opaque="",x-y=z'
    )
    assert credentials == Credentials(
        'a"b', "r, s", "n", "sip:a,b@c", "abcdef", Algorithm.SHA_256, "auth", "0000000A", "c="
    )
    bare = Credentials.parse('Digest username="",realm="",nonce="n",uri="u",response="0"')
    assert (bare.algorithm, bare.qop, bare.nc, bare.cnonce) == (Algorithm.MD5, None, "", "")
    assert Credentials.parse(
        'Digest username="",realm="",nonce="n",uri="u",response="0",algorithm=x'
    ).algorithm is None  # fmt: skip


BASE = 'username="u",realm="r",nonce="n",uri="sip:a",response="00"'


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Digest",
        "Digest ",
        "Digest x",
        BASE,
        f"Digest {BASE.replace('username', 'user')}",
        f"Digest {BASE.replace('realm', 'real')}",
        f"Digest {BASE.replace('nonce', 'once')}",
        f"Digest {BASE.replace('uri', 'url')}",
        f"Digest {BASE.replace('response', 'resp')}",
        f"Digest {BASE.replace('00', '')}",
        f"Digest {BASE.replace('00', 'xy')}",
        f"Digest {BASE.replace('00', 'é')}",
        f"Digest {BASE},username=v",
        f"Digest {BASE},USERNAME=v",
        f"Digest {BASE},qop=auth",
        f"Digest {BASE},qop=auth,cnonce=c",
        f"Digest {BASE},qop=auth,cnonce=c,nc=1",
        f"Digest {BASE},qop=auth,cnonce=c,nc=0000000g",
        f"Digest {BASE},qop=auth,nc=00000001",
        "Digest " + BASE + "".join(f",a{n}=b" for n in range(limits.PARAMETERS)),
    ],
)
def test_malformed_credentials_are_refused(value: str) -> None:
    with pytest.raises(SipSyntaxError):
        Credentials.parse(value)


def test_an_answer_as_a_client() -> None:
    value = answer_challenge(
        'Digest realm="biloxi.com", qop="auth,auth-int", nonce="dcd9", opaque="5ccc", algorithm=MD5',
        "INVITE", "sip:bob@biloxi.com", "bob", "zanzibar", "0a4f113b", 2,
    )  # fmt: skip
    response = request_digest(
        Algorithm.MD5, ha1("bob", "biloxi.com", "zanzibar"), "INVITE", "sip:bob@biloxi.com", "dcd9",
        qop="auth", nc="00000002", cnonce="0a4f113b",
    )  # fmt: skip
    assert value == (
        'Digest username="bob", realm="biloxi.com", nonce="dcd9", uri="sip:bob@biloxi.com", '
        f'response="{response}", algorithm=MD5, qop=auth, nc=00000002, cnonce="0a4f113b", opaque="5ccc"'
    )


def test_rfc_2069_and_auth_int_as_a_client() -> None:
    old = answer_challenge('Digest realm="r", nonce="n"', "INVITE", "sip:b", "u", "p", "c")
    assert old is not None
    assert "qop" not in old
    assert "algorithm" not in old
    assert Credentials.parse(old).response == request_digest(
        Algorithm.MD5, ha1("u", "r", "p"), "INVITE", "sip:b", "n"
    )
    offer = 'Digest realm="r", nonce="n", qop="auth-int"'
    one = answer_challenge(offer, "INVITE", "sip:b", "u", "p", "c", body=b"v=0\xff")
    two = answer_challenge(offer, "INVITE", "sip:b", "u", "p", "c", body=b"v=1")
    assert one is not None
    assert two is not None
    assert Credentials.parse(one).qop == "auth-int"
    assert Credentials.parse(one).response != Credentials.parse(two).response


def test_the_strongest_known_challenge_is_answered() -> None:
    md5, sha256, sha512, unknown, odd, other = (
        f'Digest realm="r", nonce="n", qop="{qop}", algorithm={name}'
        for name, qop in (
            ("MD5", "auth"), ("SHA-256", "auth"), ("SHA-512-256", "auth"),
            ("AKAv1-MD5", "auth"), ("SHA-256", "x"), ("MD5-sess", "auth"),
        )
    )  # fmt: skip
    for values, algorithm in (
        ([md5, sha256, sha512], Algorithm.SHA_512_256),
        ([sha256, md5], Algorithm.SHA_256),
        ([md5, unknown, odd, other, "Basic realm=x", "Digest", "Digest realm=x"], Algorithm.MD5),
    ):
        chosen = choose_challenge(values)
        assert chosen is not None
        assert chosen.algorithm is algorithm
    assert choose_challenge([unknown, odd]) is None
    assert answer_challenge([unknown], "INVITE", "sip:b", "u", "p", "c") is None
    assert answer_challenge(unknown, "INVITE", "sip:b", "u", "p", "c") is None


def test_a_challenge_that_no_answer_could_repeat_is_not_answered() -> None:
    """A quoted string may hold a NUL (RFC 3261 §25.1), and the realm and the nonce stand in the answer."""
    nul = 'Digest realm="r", nonce="a\\\0b", qop="auth"'
    assert choose_challenge([nul]) is None
    chosen = choose_challenge([nul, 'Digest realm="r", nonce="n"'])
    assert chosen is not None
    assert chosen.nonce == "n"


@pytest.mark.parametrize("field", ["uri", "user", "cnonce"])
def test_injection_through_an_answer_is_refused(field: str) -> None:
    values = {"uri": "sip:b", "user": "u", "cnonce": "c", field: "x\r\nX-Evil: 1"}
    offer = 'Digest realm="r", nonce="n", qop="auth"'
    with pytest.raises(SipBuildError):
        answer_challenge(offer, "INVITE", values["uri"], values["user"], "p", values["cnonce"])


def test_a_realm_is_quoted() -> None:
    clock = TimerHeap(lambda: 0.0, lambda: 0.0)
    challenge = Challenger('a "b" \\c', KEY, clock).challenge_headers("192.0.2.1")[0]
    assert Challenge.parse(challenge).realm == 'a "b" \\c'
    with pytest.raises(ValueError, match="16 bytes"):
        Challenger(REALM, b"short", clock)
