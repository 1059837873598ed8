"""What a PBX is tried with, and which programs are tried: the rows and columns of docs/pbxs.md.

A test says what it proves with `@pytest.mark.case(Case.…)`, its module or parameter what it proves it of with
`@pytest.mark.program(Program.…)`. `casebook.py` keeps what came of them.
"""

from enum import Enum
from typing import Final


class Case(Enum):
    """A case: its name in the results, what it is, and whether it is one of the guide's 21."""

    def __init__(self, slug: str, title: str, listed: bool = True) -> None:
        self.slug = slug
        self.title = title
        self.listed = listed

    OUT_CANCELLED = "out-cancelled", "Outbound: the caller hangs up before the answer"
    OUT_DECLINED = "out-declined", "Outbound: the callee declines"
    OUT_ENDED_BY_CALLER = "out-ended-by-caller", "Outbound: answered, the caller hangs up"
    OUT_ENDED_BY_CALLEE = "out-ended-by-callee", "Outbound: answered, the callee hangs up"
    OUT_BUSY = "out-busy", "Outbound: the callee is busy"
    INTERNATIONAL = "international", "Outbound: an international number with 00 or +"
    IN_CANCELLED = "in-cancelled", "Inbound: the caller hangs up before the answer"
    IN_DECLINED = "in-declined", "Inbound: the callee declines"
    IN_ENDED_BY_CALLER = "in-ended-by-caller", "Inbound: answered, the caller hangs up"
    IN_ENDED_BY_CALLEE = "in-ended-by-callee", "Inbound: answered, the callee hangs up"
    IN_BUSY = "in-busy", "Inbound: the callee is busy"
    FORWARD_ALWAYS = "forward-always", "Forwarded by the PBX: always"
    FORWARD_NO_ANSWER = "forward-no-answer", "Forwarded by the PBX: on no answer"
    CONSULTATIVE_TRANSFER = "consultative-transfer", "Consultative transfer in the PBX"
    BLIND_TRANSFER = "blind-transfer", "Blind transfer in the PBX"
    HOLD = "hold", "Hold and resume"
    EARLY_MEDIA = "early-media", "Early media"
    OUT_AUDIT = "out-audit", "Session audit in an outbound call"
    IN_AUDIT = "in-audit", "Session audit in an inbound call"
    DIGITS = "digits", "DTMF (RFC 4733), both ways"
    RESTRICTED = "restricted", "Caller ID restricted"

    REGISTER = "register", "Registers", False
    QUALIFY = "qualify", "Its health check is answered", False
    SHOWN = "shown", "Caller ID shown", False
    NO_ANSWER = "no-answer", "Inbound: no answer", False
    REFER = "refer", "Blind transfer by REFER to the trunk", False
    REFER_REPLACES = "refer-replaces", "Attended transfer by REFER to the trunk", False
    TLS = "tls", "Signalling over TLS, both ways", False
    SRTP = "srtp", "Audio over SRTP, both ways", False
    PCMU = "pcmu", "G.711 µ-law", False
    PCMA = "pcma", "G.711 A-law", False
    G722 = "g722", "G.722", False
    G729 = "g729", "G.729", False
    ILBC = "ilbc", "iLBC", False
    SPEEX = "speex", "Speex, 16 kHz", False
    RESTARTED = "restarted", "Restarted in a call", False
    CUT_OFF = "cut-off", "Its network gone for a third of the media time-out in a call", False
    WRONG_SECRET = "wrong-secret", "Wrong secret: the check says so", False


class Program(Enum):
    """A program on the customer's side: its name in the results, what it is, and what says its version."""

    def __init__(self, slug: str, title: str, *says_version: str) -> None:
        self.slug = slug
        self.title = title
        self.says_version = says_version

    ASTERISK_16_SIP = (
        "asterisk-16-sip",
        "Asterisk 16, chan_sip",
        "chroot",
        "{roots}/bullseye",
        "asterisk",
        "-V",
    )
    ASTERISK_16_PJSIP = (
        *("asterisk-16-pjsip", "Asterisk 16, chan_pjsip"),
        *("chroot", "{roots}/bullseye", "asterisk", "-V"),
    )
    ASTERISK_22_PJSIP = (
        *("asterisk-22-pjsip", "Asterisk 22, chan_pjsip"),
        *("chroot", "{roots}/sid", "asterisk", "-V"),
    )
    FREEPBX_SIP = (
        *("freepbx-sip", "FreePBX 16, chan_sip (its files, in Asterisk 16)"),
        *("chroot", "{roots}/bullseye", "asterisk", "-V"),
    )
    FREEPBX_PJSIP = (
        *("freepbx-pjsip", "FreePBX 17, chan_pjsip (its files, in Asterisk 22)"),
        *("chroot", "{roots}/sid", "asterisk", "-V"),
    )
    FREESWITCH = "freeswitch", "FreeSWITCH's messages (1.10), sent by SIPp", "sipp", "-v"
    LINPHONE = "linphone", "Linphone (linphonec)", "linphonec", "-v"
    TWINKLE = (
        *("twinkle", "Twinkle (twinkle-console)"),
        *("dpkg-query", "-W", "-f", "${{Version}}", "twinkle-console"),
    )
    BARESIP = "baresip", "baresip", "baresip", "-h"
    KAMAILIO = "kamailio", "Kamailio, before a PBX", "kamailio", "-v"
    SIPSAK = "sipsak", "sipsak", "sipsak", "-V"
    SIPP = "sipp", "SIPp", "sipp", "-v"


_PBXS_DOING = "a PBX does that, not a phone"
_OF_A_PBX = (
    *(Case.INTERNATIONAL, Case.FORWARD_ALWAYS, Case.FORWARD_NO_ANSWER, Case.RESTARTED),
    *(Case.CONSULTATIVE_TRANSFER, Case.BLIND_TRANSFER, Case.RESTRICTED, Case.CUT_OFF),
)
_NO_TIMER = "it has no session timers (RFC 4028) of its own"
_NO_OPTIONS = "it sends no OPTIONS by itself"
_OF_EVERY_PHONE = "nothing of this program's: see Asterisk, and Linphone"
_BY_ITSELF = "it joins the two by itself, without a REFER: see the consultative transfer"
_A_PHONE = {
    **dict.fromkeys(_OF_A_PBX, _PBXS_DOING),
    **dict.fromkeys((Case.OUT_AUDIT, Case.IN_AUDIT), _NO_TIMER),
    **dict.fromkeys((Case.WRONG_SECRET, Case.REFER, Case.REFER_REPLACES), _OF_EVERY_PHONE),
    Case.QUALIFY: _NO_OPTIONS,
}
_NO_CODEC = "Debian's package has no such codec, or only passes it through"
_FREEPBX = "what its dialplan makes of that, busy or congestion, is not of the trunk, and not tried"
_PLAYED = "there is no package of FreeSWITCH, and SIPp playing it would prove nothing of FreeSWITCH's"
_BEHIND = "the doing of the PBX behind it"
_NO_CALLS = "it makes no calls"
_TOLD = "SIPp does what it is told: the other tests in tests/interop/sipp say more than a cell here could"


def _all_but(reason: str, *tested: Case) -> dict[Case, str]:
    return {case: reason for case in Case if case not in tested}


_OF_THE_TRUNK = (
    *(Case.REGISTER, Case.QUALIFY, Case.SHOWN, Case.INTERNATIONAL, Case.DIGITS),
    *(Case.OUT_ENDED_BY_CALLER, Case.IN_ENDED_BY_CALLER),
)
_ASTERISK = {Case.G729: _NO_CODEC, Case.ILBC: _NO_CODEC, Case.REFER_REPLACES: _BY_ITSELF}
_WHY_NOT: Final[dict[Program, dict[Case, str]]] = {
    Program.ASTERISK_16_SIP: _ASTERISK,
    Program.ASTERISK_16_PJSIP: _ASTERISK,
    Program.ASTERISK_22_PJSIP: _ASTERISK,
    Program.FREEPBX_SIP: {**_ASTERISK, Case.IN_DECLINED: _FREEPBX},
    Program.FREEPBX_PJSIP: {**_ASTERISK, Case.IN_DECLINED: _FREEPBX},
    Program.FREESWITCH: _all_but(
        _PLAYED, *_OF_THE_TRUNK, Case.OUT_AUDIT, Case.HOLD, Case.RESTRICTED, Case.OUT_BUSY
    ),
    Program.KAMAILIO: {
        **dict.fromkeys(_OF_A_PBX, _BEHIND),
        **dict.fromkeys(
            (Case.OUT_AUDIT, Case.IN_AUDIT, Case.QUALIFY, Case.REFER, Case.REFER_REPLACES), _BEHIND
        ),
        **dict.fromkeys((Case.PCMU, Case.PCMA, Case.G722, Case.G729, Case.ILBC, Case.SPEEX), _BEHIND),
        Case.REGISTER: "it needs no registration: calls come to its address",
        Case.WRONG_SECRET: _OF_EVERY_PHONE,
        Case.SRTP: _BEHIND,
    },
    Program.BARESIP: {
        **_A_PHONE,
        Case.IN_DECLINED: "it says busy instead",
        **dict.fromkeys((Case.PCMA, Case.G729, Case.ILBC, Case.SPEEX), "not among those it was tried with"),
    },
    Program.LINPHONE: {
        **_A_PHONE,
        Case.IN_BUSY: "it declines instead",
        Case.ILBC: _NO_CODEC,
    },
    Program.TWINKLE: {
        **_A_PHONE,
        Case.IN_DECLINED: "it says busy instead",
        Case.TLS: "it has none",
        Case.SRTP: "it has keys by ZRTP only",
        **dict.fromkeys((Case.G722, Case.G729, Case.ILBC), _NO_CODEC),
    },
    Program.SIPSAK: _all_but(_NO_CALLS, Case.QUALIFY, Case.REGISTER),
    Program.SIPP: dict.fromkeys(Case, _TOLD),
}


def why_not(program: Program, case: Case) -> str:
    """Why there is no test of a case with a program: a phrase. `KeyError` where there ought to be a test."""
    return _WHY_NOT[program][case]


def applies(program: Program, case: Case) -> bool:
    """Whether there ought to be a test of the case."""
    return case not in _WHY_NOT[program]
