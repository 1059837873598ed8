"""Who is calling, what the account may say about that, and what the far end is told.

Reads the caller's identity from P-Asserted-Identity (RFC 3325), else Remote-Party-ID
(draft-ietf-sip-privacy-04), else P-Preferred-Identity, with which a customer's device asks for one (RFC 3325
§6), else From; honours Privacy (RFC 3323) both ways; applies the account's policy; builds From and the
identity headers of the far leg. A header that can't be read counts as absent: identity headers never kill a
call.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.uri import SipUri
from trunkline.trunk.account import Account, CallerIdPolicy
from trunkline.trunk.e164 import is_number, number_or_none
from trunkline.trunk.verdict import Slug, Verdict

ANONYMOUS: Final = "anonymous"
ANONYMOUS_ADDRESS: Final = NameAddr("Anonymous", SipUri("sip", ANONYMOUS, "anonymous.invalid"))
"""RFC 3323 §4.1.1.3."""

_ANONYMOUS_HOST = "anonymous.invalid"
_RESTRICTING = frozenset({"id", "user", "header"})
"""Values of Privacy that ask for the caller not to be named (RFC 3323 §4.2, RFC 3325 §9.3)."""
_RPID_RESTRICTING = frozenset({"full", "uri"})
"""Values of `;privacy=` in Remote-Party-ID that do so (draft-ietf-sip-privacy-04). `name` hides the name
alone."""
_LEAST_DIGITS = 3
"""Of what reads as a telephone number; fewer among signs are a name, such as 1&1."""

Headers = tuple[tuple[str, str], ...]


class IdentitySource(StrEnum):
    """Where the caller's identity was found."""

    ASSERTED = "P-Asserted-Identity"
    REMOTE_PARTY = "Remote-Party-ID"
    PREFERRED = "P-Preferred-Identity"
    FROM = "From"
    ACCOUNT = "account"
    """The account's own number, by `CallerIdPolicy.REPLACE`."""


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """The caller, as far as is known."""

    user: str | None
    """The user part as received, escapes and `+` included; None: nobody is named."""
    number: str | None
    """Its E.164 digits; None when it isn't an E.164 number."""
    display: str | None
    restricted: bool
    """The caller asks not to be named to the callee."""
    source: IdentitySource = IdentitySource.FROM

    @property
    def presented(self) -> str:
        """The number as presented onward, for records: `anonymous` when it is withheld or there is none."""
        if self.restricted or self.user is None:
            return ANONYMOUS
        return self.number or self.user


def read_identity(
    from_: NameAddr,
    *,
    asserted: Sequence[str] = (),
    remote_party: Sequence[str] = (),
    preferred: Sequence[str] = (),
    privacy: Sequence[str] = (),
) -> CallerIdentity:
    """The caller of an INVITE, from the values of From and of the P-Asserted-Identity, Remote-Party-ID,
    P-Preferred-Identity and Privacy fields."""
    caller: CallerIdentity | None = None
    restricted: bool | None = None
    names = True
    if remote_party:
        for party in readable_addresses(remote_party):
            if (party.params.get("party") or "calling").strip('"').lower() == "calling":
                caller = _identity(party, IdentitySource.REMOTE_PARTY)
                hidden = _rpid_privacy(party)
                restricted = None if hidden is None else hidden in _RPID_RESTRICTING
                names = hidden != "name"
                break
    caller = _named_in(asserted, IdentitySource.ASSERTED) or caller
    caller = caller or _named_in(preferred, IdentitySource.PREFERRED) or _identity(from_, IdentitySource.FROM)
    if privacy:
        restricted = _privacy_restricted(privacy, restricted)
    if restricted is None:
        restricted = _is_anonymous(from_) or _is_named_anonymous(from_)
    if not names:
        caller = replace(caller, display=None)
    return replace(caller, restricted=True) if restricted else caller


def _named_in(lines: Sequence[str], source: IdentitySource) -> CallerIdentity | None:
    """Whom a field names that may have a SIP and a tel URI (RFC 3325 §9): by a number, if it can."""
    found = [_identity(address, source) for address in readable_addresses(lines)]
    named = [identity for identity in found if identity.user is not None]
    return next((identity for identity in named if identity.number is not None), named[0] if named else None)


def _identity(address: NameAddr, source: IdentitySource) -> CallerIdentity:
    uri = address.uri
    user = None if _is_anonymous(address) else uri.user
    number = None if user is None else number_or_none(user if isinstance(uri, SipUri) else uri.opaque)
    return CallerIdentity(user, number, address.display, False, source)


def _is_anonymous(address: NameAddr) -> bool:
    uri = address.uri
    user = uri.user
    if user is not None and user.lower() == ANONYMOUS:
        return True
    return isinstance(uri, SipUri) and uri.host == _ANONYMOUS_HOST


def _is_named_anonymous(from_: NameAddr) -> bool:
    """The name alone of RFC 3323 §4.1.1.1, before a number: so Asterisk withholds the caller ID where its
    `fromuser` or `from_user` says what stands in From. Where it has none to show it sends the same."""
    return from_.display is not None and from_.display.strip().lower() == ANONYMOUS


def readable_addresses(lines: Iterable[str]) -> list[NameAddr]:
    """Every address in these header lines that can be read."""
    addresses: list[NameAddr] = []
    for line in lines:
        try:
            addresses.extend(NameAddr.parse_list(line))
        except SipSyntaxError:
            continue
    return addresses


def _rpid_privacy(party: NameAddr) -> str | None:
    """What `;privacy=` says; None when it isn't there."""
    value = party.params.get("privacy")
    return None if value is None else value.strip('"').lower().partition("-")[0]


def _privacy_restricted(lines: Iterable[str], before: bool | None) -> bool | None:
    values = {value.strip().lower() for line in lines for value in line.replace(",", ";").split(";")}
    if values & _RESTRICTING:
        return True
    return False if "none" in values else before


def apply_policy(
    caller: CallerIdentity, account: Account, owns: Callable[[str], bool]
) -> CallerIdentity | Verdict:
    """The caller as the account may present it, or why it may not. `owns` tells whether a number is the
    account's.

    A caller who withholds the number must still have one that the policy accepts: it is told to carriers that
    are trusted. Where it has to be the account's, the name may be no number.
    """
    match account.caller_id_policy:
        case CallerIdPolicy.ANY:
            return caller
        case CallerIdPolicy.OWNED:
            if caller.number is not None and owns(caller.number):
                return _named_by_no_other_number(caller)
            shown = caller.number or caller.user or "no number"
            return Verdict.of(Slug.CALLER_ID_FORBIDDEN, detail=f"the caller ID in {caller.source} is {shown}")
        case CallerIdPolicy.REPLACE:
            number = account.caller_id_number
            return CallerIdentity(number, number, None, caller.restricted, IdentitySource.ACCOUNT)


def _named_by_no_other_number(caller: CallerIdentity) -> CallerIdentity:
    """Without a name that is a telephone number: many a display shows the name in the number's place. It
    reads as one in any script's digits, and with whatever stands between them."""
    name = caller.display
    if name is None:
        return caller
    reads_as_one = sum(map(str.isdigit, name)) >= _LEAST_DIGITS and not any(map(str.isalpha, name))
    return replace(caller, display=None) if reads_as_one or is_number(name.strip()) else caller


def from_address(caller: CallerIdentity, user: str | None, host: str) -> NameAddr:
    """From of the far leg, without a tag: `user` at `host` under the caller's name, or the anonymous one of
    RFC 3323."""
    if caller.restricted or user is None:
        return ANONYMOUS_ADDRESS
    return NameAddr(caller.display, SipUri("sip", user, host))


def identity_headers(caller: CallerIdentity, user: str | None, host: str, *, trusted: bool) -> Headers:
    """The identity headers that go with `from_address`: none, unless the caller withholds the number.

    Then `Privacy: id`, and for a peer within the trust domain of RFC 3325 the number in P-Asserted-Identity.
    """
    if not caller.restricted:
        return ()
    privacy = ("Privacy", "id")
    if not trusted or user is None:
        return (privacy,)
    return (privacy, ("P-Asserted-Identity", str(NameAddr(caller.display, SipUri("sip", user, host)))))
