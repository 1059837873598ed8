"""Writes the configuration of a PBX from the facts of a trunk: complete files with nothing left to edit.

Each kind is a folder of templates and a row of `_PLANS`. A file says in its first lines where it goes. What
the words of each syntax mean is in the templates alone; what may stand in a value was checked by
`TrunkFacts`. XML is escaped all the same.
"""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address

from jinja2 import Environment, PackageLoader, StrictUndefined

from trunkline.pbx.trunk_facts import PbxError, TrunkFacts


class Kind(StrEnum):
    """What can be written, as the command line spells it."""

    ASTERISK_PJSIP = "asterisk-pjsip"
    ASTERISK_SIP = "asterisk-sip"
    FREEPBX = "freepbx"
    FREESWITCH = "freeswitch"
    KAMAILIO = "kamailio"
    THREE_CX = "3cx"
    GENERIC = "generic"


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One file, or one page of values."""

    name: str
    """Its name, with folders below the PBX's configuration folder."""
    place: str
    """Where it goes, for a person."""
    text: str


@dataclass(frozen=True, slots=True)
class _Plan:
    title: str
    about: str
    files: tuple[tuple[str, str], ...]
    """Name and place of each file; its template is `<kind>/<last part of the name>.j2`."""


def _included(name: str, where: str) -> str:
    return f"/etc/asterisk/, with #include {name} at the end of {where}"


_EXTENSIONS = ("extensions_trunkline.conf", _included("extensions_trunkline.conf", "extensions.conf"))
_FREESWITCH_FOLDER = "the FreeSWITCH configuration folder"
_ADD_TRUNK = "Connectivity, Trunks, Add Trunk,"

_PLANS = {
    Kind.ASTERISK_PJSIP: _Plan(
        "Asterisk with chan_pjsip",
        "Asterisk 16 and later. Asterisk 21 and later have nothing else.",
        (
            ("pjsip_trunkline.conf", _included("pjsip_trunkline.conf", "pjsip.conf")),
            _EXTENSIONS,
        ),
    ),
    Kind.ASTERISK_SIP: _Plan(
        "Asterisk with chan_sip",
        "Asterisk up to 20, for installations that still use it.",
        (
            ("sip_trunkline.conf", _included("sip_trunkline.conf", "sip.conf")),
            (
                "sip_trunkline_register.conf",
                _included("sip_trunkline_register.conf", "the section [general] of sip.conf"),
            ),
            _EXTENSIONS,
        ),
    ),
    Kind.FREEPBX: _Plan(
        "FreePBX",
        "The values of the trunk's pages: FreePBX 17 with chan_pjsip, older ones with chan_sip.",
        (
            ("freepbx-17-pjsip.txt", f"{_ADD_TRUNK} Add SIP (chan_pjsip) Trunk"),
            ("freepbx-chan-sip.txt", f"{_ADD_TRUNK} Add SIP (chan_sip) Trunk, up to FreePBX 16"),
        ),
    ),
    Kind.FREESWITCH: _Plan(
        "FreeSWITCH",
        "Gateway, access list and both dialplans.",
        (
            ("sip_profiles/external/trunkline.xml", _FREESWITCH_FOLDER),
            ("autoload_configs/trunkline_acl.xml", "inside <network-lists> of autoload_configs/acl.conf.xml"),
            (
                "sip_profiles/trunkline_acl_param.xml",
                "inside <settings> of sip_profiles/internal.xml and sip_profiles/external.xml",
            ),
            ("dialplan/public/00_trunkline.xml", _FREESWITCH_FOLDER),
            ("dialplan/default/00_trunkline.xml", _FREESWITCH_FOLDER),
        ),
    ),
    Kind.KAMAILIO: _Plan(
        "Kamailio as a session border controller",
        "In front of a PBX that can't authenticate by itself.",
        (("kamailio.cfg", "/etc/kamailio/, with the PBX's own address in the lines that say so"),),
    ),
    Kind.THREE_CX: _Plan(
        "3CX",
        "The values of a generic SIP trunk.",
        (("3cx.txt", "Voice & Chat, Add Trunk, Generic SIP Trunk"),),
    ),
    Kind.GENERIC: _Plan(
        "Another PBX or phone",
        "Every value that a SIP device may ask for.",
        (("trunk.txt", "the device's settings"),),
    ),
}

_ASTERISK_CODECS = {
    "PCMA": "alaw",
    "PCMU": "ulaw",
    "G722": "g722",
    "G729": "g729",
    "iLBC": "ilbc",
    "speex": "speex16",
}
_FREESWITCH_CODECS = {"speex": "speex@16000h"}


def title(kind: Kind) -> str:
    """What the kind is called."""
    return _PLANS[kind].title


def about(kind: Kind) -> str:
    """One sentence on whom it is for."""
    return _PLANS[kind].about


_IPV4_ALONE = {Kind.FREEPBX, Kind.KAMAILIO}
"""FreePBX's pages offer no transport for IPv6. Kamailio listens for it only where its addresses are named."""
_IPV6_PROFILES = (("profiles/external/", "profiles/external-ipv6/"), ("ternal.xml", "ternal-ipv6.xml"))
"""FreeSWITCH has profiles of their own for it."""


def write(kind: Kind, facts: TrunkFacts) -> tuple[ConfigFile, ...]:
    """Every file of `kind`, in the order in which a person puts them in place.

    Raises `PbxError` where the kind can't reach any edge.
    """
    if facts.ipv6_only and kind in _IPV4_ALONE:
        raise PbxError(
            f"{title(kind)} is set up for IPv4 here, and no edge has such an address: set "
            "sip.advertised_host to one, or take another kind of PBX"
        )
    files = []
    for name, place in _PLANS[kind].files:
        source = _templates.get_template(f"{kind}/{name.replace('/', '-')}.j2")
        if facts.ipv6_only and kind is Kind.FREESWITCH:
            for ipv4, ipv6 in _IPV6_PROFILES:
                name, place = name.replace(ipv4, ipv6), place.replace(ipv4, ipv6)
        text = source.render(facts=facts, place=place, title=_PLANS[kind].title)
        files.append(ConfigFile(name, place, text))
    return tuple(files)


def _is_ipv6(address: str) -> bool:
    return ip_address(address).version == 6


def _is_xml(name: str | None) -> bool:
    return name is not None and name.endswith(".xml.j2")


_templates = Environment(
    loader=PackageLoader("trunkline.pbx"),
    autoescape=_is_xml,  # noqa: S701 - what is not XML has no escapes: `TrunkFacts` has checked
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_templates.filters["asterisk_codecs"] = lambda names: ",".join(_ASTERISK_CODECS[name] for name in names)
_templates.filters["freeswitch_codecs"] = lambda names: ",".join(
    _FREESWITCH_CODECS.get(name, name) for name in names
)
_templates.filters["network"] = lambda address: f"{address}/{128 if _is_ipv6(address) else 32}"
_templates.filters["bracketed"] = lambda address: f"[{address}]" if _is_ipv6(address) else address
