"""What a customer's Asterisk has besides what `trunkline pbx` writes: its phones, its dialplan, its ports."""

from pathlib import Path
from typing import Final, NamedTuple

PHONE: Final = "100"
"""The extension of the phone behind the PBX; `from-trunkline` rings it."""
SECOND_PHONE: Final = "101"
FORWARDED: Final = "300"
"""Extensions that a number can be forwarded to, in `from-trunkline` as well: to another number, at once"""
FORWARDED_LATER: Final = "301"
"""… when the phone has rung for a second;"""
FEATURES: Final = "302"
"""to the phone, whose *2 and #1 are consultative and blind transfer;"""
REFERRED: Final = "303"
"""back to the trunk by REFER;"""
SECOND: Final = "304"
"""to the second phone."""
WITHHELD: Final = "*67"
"""Before a number: the caller ID is not to be shown."""
WITHHELD_BY_NAME: Final = "*68"
"""The same without the Privacy field that `trunkline pbx` writes into the dialplan."""
MUSIC: Final = "music"
"""The folder below its home with the music on hold, which is a tone of"""
MUSIC_HZ: Final = 620
CODEC_KEYS: Final = {"ulaw": "1", "alaw": "2", "g722": "3", "speex16": "4", "g729": "5", "ilbc": "6"}
"""`*5N` before a number: this codec alone is spoken with the trunk."""

_UNWANTED = (
    "chan_iax2.so",
    "chan_mgcp.so",
    "chan_skinny.so",
    "chan_unistim.so",
    "pbx_dundi.so",
    "pbx_lua.so",
    "pbx_ael.so",
    "res_phoneprov.so",
    "res_resolver_unbound.so",
    "res_snmp.so",
)
_IN_THE_WAY = {True: ("chan_pjsip.so", "res_pjsip.so"), False: ("chan_sip.so",)}

PASSES_HOLDS_ON: Final = "[trunkline](+type=endpoint)\nmoh_passthrough=yes\n"
"""In pjsip.conf: a phone's hold goes to the trunk as a re-INVITE, and nobody there hears music."""

_PJSIP_CERTIFICATE = """\
[transport-trunkline](+)
cert_file={at.home}/etc/pbx.pem
priv_key_file={at.home}/etc/pbx-key.pem
"""
_PJSIP_PHONES = """\
[transport-phones]
type=transport
protocol=udp
bind=0.0.0.0:{at.port}
"""
_SIP_TLS = """\
tlsenable=yes
tlsdontverifyserver=yes
tlsbindaddr=0.0.0.0:{at.port}
tlscertfile={at.home}/etc/pbx.pem
tlsprivatekey={at.home}/etc/pbx-key.pem
"""


class Place(NamedTuple):
    """One Asterisk's folders, ports and phones."""

    home: Path
    """As seen from inside its chroot."""
    modules: str
    chan_sip: bool
    port: int
    rtp_ports: tuple[int, int]
    phones: tuple[tuple[str, int], tuple[str, int]]
    """Where its two phones listen."""
    secure: bool
    """Whether the trunk's transport is TLS, with `pbx.pem` and `pbx-key.pem` in its folder."""
    has_certificate: bool
    """Whether chan_pjsip's transport for TLS names them already."""
    forwards_to: str
    """The number that `FORWARDED` and the like call, as dialled."""


def own_files(at: Place) -> dict[str, str]:
    """All of them, by name."""
    unwanted = "".join(f"noload => {name}\n" for name in (*_UNWANTED, *_IN_THE_WAY[at.chan_sip]))
    return {
        "asterisk.conf": f"""\
[directories]
astetcdir => {at.home}/etc
astmoddir => /{at.modules}
astvarlibdir => /var/lib/asterisk
astdbdir => {at.home}/lib
astkeydir => {at.home}/lib
astdatadir => /usr/share/asterisk
astagidir => /usr/share/asterisk/agi-bin
astspooldir => {at.home}/spool
astrundir => {at.home}/run
astlogdir => {at.home}/log
[options]
verbose = 3
systemname = pbx-{at.port}
""",
        "logger.conf": "[general]\n[logfiles]\nconsole => notice,warning,error,verbose\n",
        "modules.conf": f"[modules]\nautoload=yes\n{unwanted}",
        "rtp.conf": f"[general]\nrtpstart={at.rtp_ports[0]}\nrtpend={at.rtp_ports[1]}\n",
        "musiconhold.conf": f"[default]\nmode=files\ndirectory={at.home}/{MUSIC}\n",
        "ccss.conf": "[general]\n",
        "acl.conf": "",
        "features.conf": "[general]\n[featuremap]\nblindxfer => #1\natxfer => *2\n",
        "pjsip.conf": f"""\
#include pjsip_trunkline.conf
{_PJSIP_CERTIFICATE.format(at=at) if at.secure and not at.has_certificate else ""}\
{_PJSIP_PHONES.format(at=at) if at.secure else ""}\
{"".join(_pjsip_phones(at))}\
""",
        "sip.conf": f"""\
[general]
udpbindaddr=0.0.0.0:{at.port}
allowguest=no
{_SIP_TLS.format(at=at) if at.secure else ""}\
#include sip_trunkline_register.conf
{"".join(_sip_phones(at))}\
#include sip_trunkline.conf
""",
        "extensions.conf": _dialplan(at),
    }


def _extensions(at: Place) -> list[tuple[str, str, int]]:
    return [(name, host, port) for name, (host, port) in zip((PHONE, SECOND_PHONE), at.phones, strict=True)]


def _pjsip_phones(at: Place) -> list[str]:
    return [
        f"""\
[{name}]
type=endpoint
context=phones
disallow=all
allow=ulaw,alaw,g729,ilbc
aors={name}
direct_media=no
[{name}]
type=aor
contact=sip:{name}@{host}:{port}
[{name}-identify]
type=identify
endpoint={name}
match={host}
"""
        for name, host, port in _extensions(at)
    ]


def _sip_phones(at: Place) -> list[str]:
    return [
        f"""\
[{name}]
type=friend
host={host}
port={port}
context=phones
insecure=port,invite
directmedia=no
disallow=all
allow=ulaw,alaw,g729,ilbc
"""
        for name, host, port in _extensions(at)
    ]


def _dialplan(at: Place) -> str:
    def phone(name: str, more: str = "60") -> str:
        return f"Dial({'SIP' if at.chan_sip else 'PJSIP'}/{name},{more})"

    def trunk(number: str, more: str = "60") -> str:
        return f"Dial({f'SIP/trunkline/{number}' if at.chan_sip else f'PJSIP/{number}@trunkline'},{more})"

    lines = [
        "[general]",
        "#include extensions_trunkline.conf",
        "[from-trunkline](+)",
        f"exten => {FORWARDED},1,{trunk(at.forwards_to)}",
        f"exten => {FORWARDED_LATER},1,{phone(PHONE, '1')}",
        f" same => n,{trunk(at.forwards_to)}",
        f"exten => {FEATURES},1,{phone(PHONE, '60,t')}",
        f"exten => {REFERRED},1,Answer()",
        " same => n,Wait(0.2)",
        f" same => n,Transfer({_referral(at)})",
        " same => n,Hangup()",
        f"exten => {SECOND},1,{phone(SECOND_PHONE)}",
        "[phones]",
        "include => to-trunkline",
        f"exten => _{WITHHELD}X.,1,Set(CALLERID(pres)=prohib)",
        f" same => n,Goto(to-trunkline,${{EXTEN:{len(WITHHELD)}}},1)",
        f"exten => _{WITHHELD_BY_NAME}X.,1,Set(CALLERID(pres)=prohib)",
        f" same => n,{trunk(f'${{EXTEN:{len(WITHHELD_BY_NAME)}}}')}",
    ]
    for codec, key in CODEC_KEYS.items():
        number = "${EXTEN:3}"
        if at.chan_sip:
            lines += [
                f"exten => _*5{key}X.,1,Set(_SIP_CODEC_OUTBOUND={codec})",
                f" same => n,{trunk(number)}",
            ]
        else:
            lines.append(f"exten => _*5{key}X.,1,{trunk(number, f'60,b(codec-{codec}^s^1)')}")
    if not at.chan_sip:
        for codec in CODEC_KEYS:
            lines += [
                f"[codec-{codec}]",
                f"exten => s,1,Set(PJSIP_MEDIA_OFFER(audio)=!all,{codec})",
                " same => n,Return()",
            ]
    return "\n".join(lines) + "\n"


def _referral(at: Place) -> str:
    uri = f"{at.forwards_to}@trunk.test"
    return f"SIP/{uri}" if at.chan_sip else f"PJSIP/sip:{uri}"
