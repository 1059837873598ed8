"""What has been seen of a customer's PBX, and what that says: for `trunkline pbx check` and the dashboard.

A pure judgement over plain facts. Each `Finding` is about one thing that a working PBX does, says in words
what was seen, and what to change where something is wrong. It knows no PBX by name and reads no
configuration; who gathers the facts is not its business.
"""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network

from trunkline.call.record import CallRecord, Direction, MediaFigures
from trunkline.trunk.verdict import Slug

RECENT_S = 900.0
"""A health check that is older says nothing about now."""
_AUDIO_STAYS = (
    "If it forwards or transfers calls back to another node of this service, its audio has to stay with it: "
    "directmedia=no (chan_sip), direct_media=no (chan_pjsip)."
)
"""Asterisk else names a media port of one node to the other, and neither sends first to whom SIP doesn't come
from. Between ports of one node audio goes (record 20).
"""
GOOD_MOS = 3.6
"""ITU-T G.107 Annex B: below it, some users are dissatisfied."""


_PRIVATE = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
"""RFC 1918, RFC 6598, RFC 4193."""


class State(StrEnum):
    """What a finding amounts to."""

    GOOD = "good"
    WARNING = "warn"
    WRONG = "bad"
    WAITING = "info"
    """Not seen yet."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked for."""

    name: str
    state: State
    said: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """One registered device."""

    host: str
    """What its Contact names."""
    source_host: str
    source: str
    """`transport address:port` that its REGISTER came from."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """The facts, as of `now`; every moment is wall-clock seconds."""

    now: float
    blocked: bool
    contacts: tuple[Contact, ...] = ()
    refused_at: float | None = None
    """A wrong password came for the account."""
    refused_source: str = ""
    refused_realm: str = ""
    """The realm that it was for, where that was another than the service's."""
    without_at: float | None = None
    """The last time that a registration was asked for without a password."""
    without_source: str = ""
    asked_at: float | None = None
    """The last health check (OPTIONS) from one of the PBX's addresses."""
    weak_tls: str = ""
    """A TLS version below 1.2 that one of its addresses spoke."""
    out: CallRecord | None = None
    """The account's last call to a carrier."""
    in_: CallRecord | None = None
    """The last call to one of its numbers."""


def findings(seen: Sighting) -> list[Finding]:
    """Everything that a working PBX does, in the order in which it usually does it."""
    found = [_password(seen), _registration(seen), _health_check(seen)]
    found += [_call("Call out", seen.out, "Place a call from the PBX.")]
    found += [_call("Call in", seen.in_, "Call one of the account's numbers.")]
    found += _path(seen)
    for record in (seen.out, seen.in_):
        if record is not None and record.answered_at is not None and record.ended_at is not None:
            found.append(_audio(record))
            break
    return found


def _password(seen: Sighting) -> Finding:
    name = "Password"
    if seen.blocked:
        return Finding(name, State.WRONG, "The account is blocked.", "Unblock it.")
    right_at = None if seen.out is None else seen.out.setup_at
    if seen.refused_at is not None and (right_at is None or seen.refused_at > right_at) and not seen.contacts:
        ago = _ago(seen.now, seen.refused_at)
        if seen.refused_realm:
            return Finding(
                name,
                State.WRONG,
                f"{seen.refused_source} sent a password for the realm {seen.refused_realm!r} {ago}.",
                "Set the realm of its credentials to the service domain, or leave it empty: the PBX then "
                "takes the one that it is asked for.",
            )
        return Finding(
            name,
            State.WRONG,
            f"{seen.refused_source} sent a wrong password {ago}.",
            "The user name is the API key, the password the API secret, the realm the service domain. Where "
            "the secret is lost, take a new one: trunkline account rotate-secret.",
        )
    if seen.contacts or right_at is not None:
        return Finding(name, State.GOOD, "The right one has come.")
    if seen.without_at is not None:
        return Finding(
            name,
            State.WRONG,
            f"{seen.without_source} asked to register {_ago(seen.now, seen.without_at)}, and sent no "
            "password when it was asked for one.",
            "Its credentials are for another realm: set that to the service domain, or leave it empty. Or "
            "it gives up at an algorithm of service.digest that it does not know: let that be MD5 alone.",
        )
    return Finding(
        name,
        State.WAITING,
        "None has come yet.",
        "Another user name than the API key is nobody's here, and not seen. If it is the API key: does the "
        "PBX find the service domain in the DNS, and does its firewall let it out?",
    )


def _registration(seen: Sighting) -> Finding:
    name = "Registration"
    if not seen.contacts:
        return Finding(
            name,
            State.WAITING,
            "No device is registered.",
            "Only a forwarding entry that names the API key needs one.",
        )
    where = ", ".join(contact.source for contact in seen.contacts[:3])
    return Finding(name, State.GOOD, f"{len(seen.contacts)} from {where}.")


def _health_check(seen: Sighting) -> Finding:
    name = "Health check"
    if seen.asked_at is None or seen.now - seen.asked_at > RECENT_S:
        return Finding(
            name,
            State.WAITING,
            "No OPTIONS has come from the PBX in the last quarter of an hour.",
            "qualify=yes, qualify_frequency=60 or ping=60 makes it ask, and keeps a NAT open.",
        )
    return Finding(name, State.GOOD, f"It asked {_ago(seen.now, seen.asked_at)}.")


def _call(name: str, record: CallRecord | None, remedy: str) -> Finding:
    if record is None:
        return Finding(name, State.WAITING, "None yet.", remedy)
    verdict = record.verdict
    if verdict is None:
        return Finding(name, State.GOOD, "One is up now.")
    if verdict.slug is Slug.ANSWERED:
        return Finding(name, State.GOOD, f"Answered, with {_codecs(record)}.")
    if verdict.slug in (Slug.CANCELLED, Slug.BUSY, Slug.DECLINED, Slug.NO_ANSWER):
        return Finding(name, State.GOOD, f"It went through: {verdict.text}")
    detail = f" ({verdict.detail})" if verdict.detail else ""
    return Finding(name, State.WRONG, f"{verdict.text}{detail}", verdict.remedy)


def _path(seen: Sighting) -> list[Finding]:
    """How its signalling comes: through a NAT, in the clear."""
    found = []
    hidden = [one for one in seen.contacts if _is_private(one.host) and not _is_private(one.source_host)]
    if hidden:
        found.append(
            Finding(
                "NAT",
                State.WARNING,
                f"The PBX calls itself {hidden[0].host} and comes from {hidden[0].source_host}.",
                "Calls go to where it comes from. Let it ask or register at least every 60 s, or set its "
                "public address (external_signaling_address, externip, ext-sip-ip).",
            )
        )
    sources = [one.source for one in seen.contacts]
    sources += [seen.out.source] if seen.out is not None else []
    if sources and not any(source.startswith("TLS ") for source in sources):
        found.append(
            Finding(
                "Encryption",
                State.WARNING,
                f"Its signalling is not encrypted ({sources[-1].partition(' ')[0]}).",
                "Use TLS where others share the way.",
            )
        )
    elif seen.weak_tls:
        found.append(
            Finding(
                "Encryption",
                State.WARNING,
                f"It speaks {seen.weak_tls}, which is broken.",
                "Let it speak TLS 1.2 or newer (method=tlsv1_2, tlsclientmethod, tls-version).",
            )
        )
    return found


def _audio(record: CallRecord) -> Finding:
    name = "Audio"
    pbx, far = record.caller_media, record.callee_media
    if record.direction is Direction.INBOUND:
        pbx, far = far, pbx
    if pbx.packets_received == 0:
        return Finding(
            name,
            State.WRONG,
            "In the last answered call no audio came from the PBX.",
            "Let UDP out of its firewall, and set its public address for media (external_media_address, "
            f"externip, ext-rtp-ip). {_AUDIO_STAYS}",
        )
    if far.packets_received == 0:
        return Finding(name, State.WARNING, "In the last answered call no audio came from the far end.")
    if pbx.mos is not None and pbx.mos < GOOD_MOS:
        return Finding(
            name,
            State.WARNING,
            f"From the PBX it comes with MOS {pbx.mos:.1f}: {_losses(pbx)}, {pbx.jitter_ms:.0f} ms jitter.",
            "Look at its uplink: give voice priority there.",
        )
    return Finding(name, State.GOOD, "It came from both sides.")


def _codecs(record: CallRecord) -> str:
    names = [name for name in (record.caller_media.codec, record.callee_media.codec) if name]
    return " and ".join(dict.fromkeys(names)) or "no audio"


def _losses(figures: MediaFigures) -> str:
    sent = figures.packets_received + figures.packets_lost
    return f"{100 * figures.packets_lost / sent:.1f} % lost" if sent else "nothing received"


def _ago(now: float, at: float) -> str:
    seconds = max(0, round(now - at))
    return f"{seconds} s ago" if seconds < 120 else f"{seconds // 60} min ago"


def _is_private(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _PRIVATE)
