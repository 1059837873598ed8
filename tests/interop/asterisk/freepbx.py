"""FreePBX's part: from what a person types into the pages of a trunk to the files that its Asterisk reads.

As FreePBX 16 and 17 do it (module core: `functions.inc.php` for chan_sip, `drivers/PJSip.class.php` for
chan_pjsip). What is typed is what `trunkline pbx freepbx` writes.
"""

import re

_PEER = re.compile(r"(?m)^(?:  PEER Details\n|One more trunk .*\n)((?:\n?[a-z].*\n)+)")
_REGISTER = re.compile(r"(?m)^  Register String\n(.*)\n")


def chan_sip(page: str) -> dict[str, str]:
    """Of `freepbx-chan-sip.txt`: `sip_additional.conf` and `sip_registrations.conf`."""
    outgoing, more = (found[1] for found in _PEER.finditer(page))
    trunks = {"trunkline": outgoing}
    for number, details in enumerate(more.strip().split("\n\n"), 1):
        trunks[f"trunkline-in-{number}"] = details + "\n"
    register = _REGISTER.search(page)
    assert register is not None
    return {
        "sip_trunkline.conf": "\n".join(f"[{name}]\n{details}" for name, details in trunks.items()),
        "sip_trunkline_register.conf": f"register={register[1]}\n",
        "extensions_trunkline.conf": _dialplan("SIP", "from-trunk", page),
    }


def typed(page: str) -> dict[str, str]:
    """What a page of values says, by the label of the field."""
    return dict(re.findall(r"(?m)^  (\S.*?)  +(\S.*)$", page))


def chan_pjsip(page: str, port: int) -> dict[str, str]:
    """Of `freepbx-17-pjsip.txt`: `pjsip.endpoint.conf` and the others, in one; the PBX listens at `port`."""
    value = typed(page)
    name = value["Trunk Name"]
    yes = {"Yes": "yes", "No": "no"}
    sections: list[tuple[str, dict[str, str]]] = [
        (
            value["Transport"],
            {
                "type": "transport",
                "protocol": value["Transport"].rpartition("-")[2],
                "bind": f"0.0.0.0:{port}",
            },
        ),
        (
            name,
            {
                "type": "registration",
                "transport": value["Transport"],
                "outbound_auth": name,
                "retry_interval": "60",
                "fatal_retry_interval": "30",
                "forbidden_retry_interval": "30",
                "max_retries": "10000",
                "expiration": "3600",
                "auth_rejection_permanent": "no",
                "line": yes[value["Send Line in Registration"]],
                "endpoint": name,
                "contact_user": value["Contact User"],
                "server_uri": value["Server URI"],
                "client_uri": value["Client URI"],
            },
        ),
        (
            name,
            {
                "type": "auth",
                "auth_type": "userpass",
                "password": value["Secret"],
                "username": value["Auth username"],
            },
        ),
        (
            name,
            {
                "type": "aor",
                "qualify_frequency": value["Qualify Frequency"],
                "contact": f"sip:{value['Username']}@{value['SIP Server']}:{value['SIP Server Port']}",
            },
        ),
        (
            name,
            {
                "type": "endpoint",
                "transport": value["Transport"],
                "context": value["Context"],
                "disallow": "all",
                "allow": value["Enabled, in this order"],
                "aors": name,
                "send_connected_line": "no",
                "rtp_keepalive": "0",
                "language": "en",
                "outbound_auth": name,
                "from_domain": value["From Domain"],
                "from_user": value["From User"],
                "contact_user": value["Contact User"],
                "user_eq_phone": "no",
                "t38_udptl": "no",
                "t38_udptl_ec": "none",
                "fax_detect": "no",
                "trust_id_inbound": yes[value["Trust RPID/PAI"]],
                "t38_udptl_nat": "no",
                "direct_media": yes[value["Direct Media"]],
                "rewrite_contact": yes[value["Rewrite Contact"]],
                "rtp_symmetric": yes[value["RTP Symmetric"]],
                "dtmf_mode": value["DTMF Mode"].replace(" ", "").lower(),
            },
        ),
        (name, {"type": "identify", "endpoint": name, "match": value["Match (Permit)"]}),
    ]
    if value["Send RPID/PAI"] == "Send P-Asserted-Identity header":
        sections[4][1]["send_pai"] = "yes"
    text = "\n".join(
        f"[{heading}]\n" + "".join(f"{key}={one}\n" for key, one in values.items())
        for heading, values in sections
    )
    return {
        "pjsip_trunkline.conf": text,
        "extensions_trunkline.conf": _dialplan("PJSIP", value["Context"], page),
    }


def _dialplan(technology: str, context: str, page: str) -> str:
    """An inbound route to the phone, and an outbound route that shows the trunk's Outbound CallerID."""
    caller_id = typed(page)["Outbound CallerID"]
    trunk = "SIP/trunkline/${EXTEN}" if technology == "SIP" else "PJSIP/${EXTEN}@trunkline"
    lines = ["[from-trunkline]", f"exten => _X.,1,Dial({technology}/100,60)"]
    lines += [f"[{context}]", "include => from-trunkline", "[to-trunkline]"]
    for pattern in ("_+X.", "_00X."):
        lines += [f"exten => {pattern},1,Set(CALLERID(num)={caller_id})", f" same => n,Dial({trunk},60)"]
    return "\n".join(lines) + "\n"
