"""Who calls, by PAI, RPID or From; privacy; the account's policy; what the far end is told."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.unit.trunk.entities import caller
from trunkline.sip.name_addr import NameAddr
from trunkline.trunk.account import Account, CallerIdPolicy
from trunkline.trunk.caller_id import (
    ANONYMOUS_ADDRESS,
    CallerIdentity,
    IdentitySource,
    apply_policy,
    from_address,
    identity_headers,
    read_identity,
)
from trunkline.trunk.verdict import Slug, Verdict

FROM = "<sip:100@pbx.example>;tag=1"
PAI = "<sip:447700900001@pbx.example>"
RPID = "<sip:447700900002@pbx.example>;party=calling;privacy=off;screen=yes"
ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1'
NAMED_ANONYMOUS = '"Anonymous" <sip:447700900000@pbx.example>;tag=1'


def read(
    from_: str = FROM,
    *,
    asserted: Sequence[str] = (),
    remote_party: Sequence[str] = (),
    preferred: Sequence[str] = (),
    privacy: Sequence[str] = (),
) -> CallerIdentity:
    return read_identity(
        NameAddr.parse(from_),
        asserted=asserted,
        remote_party=remote_party,
        preferred=preferred,
        privacy=privacy,
    )


@pytest.mark.parametrize(
    ("from_", "user", "number", "display"),
    [
        ("<sip:447700900000@x.example>", "447700900000", "447700900000", None),
        ('"Ann" <sip:+447700900000@x.example>', "+447700900000", "447700900000", "Ann"),
        ("<sip:00447700900000@x.example>", "00447700900000", "447700900000", None),
        ("<sip:%2B447700900000@x.example>", "%2B447700900000", "447700900000", None),
        ("<tel:+44-7700-900000;ext=1>", "+44-7700-900000", "447700900000", None),
        ("<tel:4155552671;phone-context=+1>", "4155552671", None, None),
        ("<sip:4155552671;phone-context=+1@x.example>", "4155552671;phone-context=+1", None, None),
        ("<sip:100@x.example>", "100", None, None),
        ("<sip:asterisk@x.example>", "asterisk", None, None),
        ("<sip:x.example>", None, None, None),
    ],
)
def test_from_alone(from_: str, user: str | None, number: str | None, display: str | None) -> None:
    assert read(from_) == CallerIdentity(user, number, display, False, IdentitySource.FROM)


@pytest.mark.parametrize("number", ["1@evil.example", "1:2", "1%zz", "1\\2", "", ";ext=1"])
def test_a_tel_uri_that_no_sip_user_can_hold_names_nobody(number: str) -> None:
    """RFC 3966 §3 has no such numbers. The far end could read no From with one, nor could we its answers."""
    caller = read(f"<tel:{number}>" if number else "<tel:;x>")
    assert caller.user is None
    address = from_address(caller, caller.user, "sip.example.net")
    assert NameAddr.parse(str(address)) == address


@pytest.mark.parametrize(
    ("asserted", "remote_party", "user", "source"),
    [
        ((PAI,), (RPID,), "447700900001", IdentitySource.ASSERTED),
        ((), (RPID,), "447700900002", IdentitySource.REMOTE_PARTY),
        ((), (), "100", IdentitySource.FROM),
        (("garbage<",), (RPID,), "447700900002", IdentitySource.REMOTE_PARTY),
        (("garbage<",), ("also <bad",), "100", IdentitySource.FROM),
        (("<sip:pbx.example>",), (), "100", IdentitySource.FROM),
        (("<sip:anonymous@anonymous.invalid>",), (), "100", IdentitySource.FROM),
        (("<tel:447700900001@evil.example>",), (), "100", IdentitySource.FROM),
        (("<sip:ann@x.example>, <tel:+447700900003>",), (), "+447700900003", IdentitySource.ASSERTED),
        (("<sip:ann@x.example>", "<tel:+447700900003>"), (), "+447700900003", IdentitySource.ASSERTED),
        (("<sip:ann@x.example>",), (), "ann", IdentitySource.ASSERTED),
        ((), ("<sip:1@x.example>;party=called", RPID), "447700900002", IdentitySource.REMOTE_PARTY),
        ((), ("<sip:447700900002@x.example>",), "447700900002", IdentitySource.REMOTE_PARTY),
        ((), (RPID, "<sip:447700900003@x.example>"), "447700900002", IdentitySource.REMOTE_PARTY),
    ],
)
def test_pai_then_rpid_then_from(
    asserted: tuple[str, ...], remote_party: tuple[str, ...], user: str, source: IdentitySource
) -> None:
    found = read(asserted=asserted, remote_party=remote_party)
    assert (found.user, found.source, found.restricted) == (user, source, False)


def test_a_preferred_identity_goes_before_from_alone() -> None:
    """RFC 3325 §6: how a device that withholds its number in From tells it to whom it trusts."""
    preferred = ("<sip:ann@x.example>, <tel:+447700900004>",)
    found = read(ANONYMOUS, preferred=preferred, privacy=("id",))
    assert (found.number, found.source, found.restricted) == ("447700900004", IdentitySource.PREFERRED, True)
    assert read(preferred=("garbage<",)).source is IdentitySource.FROM
    assert read(preferred=preferred, remote_party=(RPID,)).source is IdentitySource.REMOTE_PARTY
    assert read(preferred=preferred, asserted=(PAI,)).source is IdentitySource.ASSERTED


@pytest.mark.parametrize(
    ("from_", "privacy", "remote_party", "restricted"),
    [
        (FROM, (), (), False),
        (FROM, ("id",), (), True),
        (FROM, ("user;critical",), (), True),
        (FROM, ("header, id",), (), True),
        (FROM, ("ID",), (), True),
        (FROM, ("none",), (), False),
        (FROM, ("session",), (), False),
        (FROM, ("critical",), (), False),
        (FROM, ("history",), (), False),
        (ANONYMOUS, (), (), True),
        (ANONYMOUS, ("none",), (), False),
        ("<sip:Anonymous@pbx.example>", (), (), True),
        (NAMED_ANONYMOUS, (), (), True),
        ("ANONYMOUS <sip:447700900000@pbx.example>", (), (), True),
        (NAMED_ANONYMOUS, ("none",), (), False),
        (NAMED_ANONYMOUS, (), ("<sip:1@x.example>;privacy=off",), False),
        ('"Anonymous Ltd" <sip:447700900000@pbx.example>', (), (), False),
        (FROM, (), ("<sip:1@x.example>;privacy=full",), True),
        (FROM, (), ('<sip:1@x.example>;privacy="full"',), True),
        (FROM, (), ("<sip:1@x.example>;privacy=uri-network",), True),
        (FROM, (), ("<sip:1@x.example>;privacy=name",), False),
        (FROM, (), ("<sip:1@x.example>;privacy=off",), False),
        (ANONYMOUS, (), ("<sip:1@x.example>;privacy=off",), False),
        (FROM, (), ("<sip:1@x.example>;privacy=full", "<sip:1@x.example>;privacy=off"), True),
        (FROM, ("none",), ("<sip:1@x.example>;privacy=full",), False),
        (FROM, ("id",), ("<sip:1@x.example>;privacy=off",), True),
    ],
)
def test_privacy(
    from_: str, privacy: tuple[str, ...], remote_party: tuple[str, ...], restricted: bool
) -> None:
    found = read(from_, asserted=(PAI,), remote_party=remote_party, privacy=privacy)
    assert found.restricted is restricted
    assert found.user == "447700900001", "the number is still known to us"


def test_a_name_that_is_withheld_alone() -> None:
    """Remote-Party-ID as FreeSWITCH has it with `hide_name`."""
    found = read(remote_party=('"Ann" <sip:447700900002@x.example>;party=calling;privacy=name',))
    assert (found.display, found.number, found.restricted) == (None, "447700900002", False)


def test_a_number_behind_the_anonymous_name_is_known_to_the_policy() -> None:
    """As Asterisk sends it with `fromuser` and `CALLERID(pres)=prohib`."""
    found = read(NAMED_ANONYMOUS)
    assert (found.number, found.presented) == ("447700900000", "anonymous")
    assert from_address(found, found.user, "sip.example.net") == ANONYMOUS_ADDRESS


def test_anonymous_without_any_number() -> None:
    found = read(ANONYMOUS)
    assert (found.user, found.number, found.restricted, found.presented) == (None, None, True, "anonymous")


@pytest.mark.parametrize(
    ("from_", "privacy", "presented"),
    [
        ("<sip:+447700900000@x.example>", (), "447700900000"),
        ("<sip:asterisk@x.example>", (), "asterisk"),
        ("<sip:447700900000@x.example>", ("id",), "anonymous"),
        ("<sip:x.example>", (), "anonymous"),
    ],
)
def test_presented(from_: str, privacy: tuple[str, ...], presented: str) -> None:
    assert read(from_, privacy=privacy).presented == presented


# -- policy ----------------------------------------------------------------------------------------


def owns(number: str) -> bool:
    return number == "447700900000"


def test_any_presents_what_was_sent() -> None:
    for text in ("<sip:447700900999@x.example>", "<sip:asterisk@x.example>", ANONYMOUS):
        sent = caller(text)
        assert apply_policy(sent, Account("acme"), owns) == sent


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("<sip:447700900000@x.example>", True),
        ("<sip:+447700900000@x.example>", True),
        ("<sip:447700900999@x.example>", False),
        ("<sip:asterisk@x.example>", False),
        (ANONYMOUS, False),
    ],
)
def test_owned_wants_a_number_of_the_account(text: str, accepted: bool) -> None:
    result = apply_policy(caller(text), Account("acme", caller_id_policy=CallerIdPolicy.OWNED), owns)
    if accepted:
        assert result == caller(text)
    else:
        assert isinstance(result, Verdict)
        assert (result.slug, result.status) == (Slug.CALLER_ID_FORBIDDEN, 403)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        *(("Acme", "Acme"), ("Acme 24", "Acme 24"), ("1&1", "1&1"), ("Zürich 1", "Zürich 1"), (None, None)),
        *(("+44 1632 960-999", None), ("112", None), ("7", None)),
        *(
            ("+44\xa01632\u2013960999", None),
            ("".join(chr(0xFF10 + int(one)) for one in "441632960999"), None),
        ),
        ("\u202e9990692361 44+", None),
    ],
)
def test_where_the_number_has_to_be_owned_the_name_is_no_other(name: str | None, kept: str | None) -> None:
    """Many a display shows it in the number's place."""
    sent = replace(caller("<sip:447700900000@x.example>"), display=name)
    for policy, shown in ((CallerIdPolicy.OWNED, kept), (CallerIdPolicy.ANY, name)):
        result = apply_policy(sent, Account("acme", caller_id_policy=policy), owns)
        assert isinstance(result, CallerIdentity)
        assert (result.display, result.number) == (shown, "447700900000")


def test_owned_accepts_a_withheld_number_of_the_account() -> None:
    account = Account("acme", caller_id_policy=CallerIdPolicy.OWNED)
    withheld = read(ANONYMOUS, asserted=("<sip:447700900000@x.example>",), privacy=("id",))
    assert apply_policy(withheld, account, owns) == withheld


@pytest.mark.parametrize("privacy", [(), ("id",)])
def test_replace_presents_the_accounts_number_and_keeps_privacy(privacy: tuple[str, ...]) -> None:
    account = Account("acme", caller_id_policy=CallerIdPolicy.REPLACE, caller_id_number="441632960000")
    sent = read('"Ann" <sip:447700900999@x.example>', privacy=privacy)
    assert apply_policy(sent, account, owns) == CallerIdentity(
        "441632960000", "441632960000", None, bool(privacy), IdentitySource.ACCOUNT
    )


# -- the far leg -----------------------------------------------------------------------------------


def test_a_caller_who_is_presented() -> None:
    sent = read('"Ann, \\"A\\"" <sip:+447700900000@x.example>')
    assert str(from_address(sent, sent.user, "sip.example.net")) == (
        '"Ann, \\"A\\"" <sip:+447700900000@sip.example.net>'
    )
    assert identity_headers(sent, sent.user, "sip.example.net", trusted=True) == ()


@pytest.mark.parametrize("trusted", [True, False])
def test_a_caller_who_is_withheld(trusted: bool) -> None:
    """RFC 3323 §4.1.1.3; RFC 3325 §7: only within the trust domain is the number told."""
    sent = read('"Ann" <sip:447700900000@x.example>', privacy=("id",))
    from_ = from_address(sent, sent.user, "sip.example.net")
    assert str(from_) == '"Anonymous" <sip:anonymous@anonymous.invalid>'
    headers = identity_headers(sent, sent.user, "sip.example.net", trusted=trusted)
    asserted = [("P-Asserted-Identity", '"Ann" <sip:447700900000@sip.example.net>')] if trusted else []
    assert list(headers) == [("Privacy", "id"), *asserted]


def test_a_caller_without_a_number() -> None:
    nobody = read("<sip:x.example>")
    assert str(from_address(nobody, nobody.user, "sip.example.net")).endswith(
        "<sip:anonymous@anonymous.invalid>"
    )
    assert identity_headers(nobody, nobody.user, "sip.example.net", trusted=True) == ()
    hidden = read(ANONYMOUS)
    assert identity_headers(hidden, hidden.user, "sip.example.net", trusted=True) == (("Privacy", "id"),)
