"""FreePBX's part: from what a person types into the pages of a trunk to the files that its Asterisk reads.

As FreePBX 16 and 17 do it (module core: `functions.inc.php` for chan_sip, `drivers/PJSip.class.php` for
chan_pjsip; module sipsettings for the transports; the framework's `WriteConfig.class.php`, which writes each
value as it was typed). What is typed is what `trunkline pbx freepbx` writes.
"""

import re

_PEER = re.compile(r"(?m)^(?:  PEER Details\n|One more trunk .*\n)((?:\n?[a-z_]+=.*\n)+)")
_REGISTER = re.compile(r"(?m)^  Register String\n(.*)\n")


def files(pages: dict[str, str], *, chan_sip: bool, port: int, keys: str) -> dict[str, str]:
    """What FreePBX writes for its Asterisk, which listens at `port`, of `pages` that were typed; with TLS and
    chan_pjsip the certificate manager keeps `pbx.pem` and `pbx-key.pem` in the folder `keys`.
    """
    if chan_sip:
        return _chan_sip(pages["freepbx-chan-sip.txt"])
    return _chan_pjsip(pages["freepbx-17-pjsip.txt"], port, keys)


def _chan_sip(page: str) -> dict[str, str]:
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


def _typed(page: str) -> dict[str, str]:
    """What a page of values says, by the label of the field."""
    return dict(re.findall(r"(?m)^  (\S.*?)  +(\S.*)$", page))


_YES = {"Yes": "yes", "No": "no"}
_MEDIA_ENCRYPTION = {"SRTP via in-SDP (recommended)": "sdes", "None": "no"}


def _transport(value: dict[str, str], port: int, keys: str) -> dict[str, str]:
    """The page of the transports; a certificate of the certificate manager's lies in the folder `keys`."""
    protocol = value["Transport"].rpartition("-")[2]
    transport = {"type": "transport", "protocol": protocol, "bind": f"0.0.0.0:{port}"}
    if protocol == "tls":
        assert value["tls - 0.0.0.0 - All"] == "Yes"
        assert value["Port to Listen On"] == str(port)
        transport |= {
            "cert_file": f"{keys}/pbx.pem",
            "priv_key_file": f"{keys}/pbx-key.pem",
            "method": value["SSL Method"],
            "verify_client": _YES[value["Verify Client"]],
            "verify_server": "no",
        }
    return transport | {"allow_reload": "no", "tos": "cs3", "cos": "3"}


def _chan_pjsip(page: str, port: int, keys: str) -> dict[str, str]:
    """Of `freepbx-17-pjsip.txt`: `pjsip.endpoint.conf` and the others, in one."""
    value = _typed(page)
    name = value["Trunk Name"]
    sections: list[tuple[str, dict[str, str]]] = [
        (value["Transport"], _transport(value, port, keys)),
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
                "line": _YES[value["Send Line in Registration"]],
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
                "contact_user": value["Contact User"],
                "user_eq_phone": "no",
                "t38_udptl": "no",
                "t38_udptl_ec": "none",
                "fax_detect": "no",
                "trust_id_inbound": _YES[value["Trust RPID/PAI"]],
                "t38_udptl_nat": "no",
                "direct_media": _YES[value["Direct Media"]],
                "rewrite_contact": _YES[value["Rewrite Contact"]],
                "rtp_symmetric": _YES[value["RTP Symmetric"]],
                "dtmf_mode": value["DTMF Mode"].replace(" ", "").lower(),
            },
        ),
        (name, {"type": "identify", "endpoint": name, "match": value["Match (Permit)"]}),
    ]
    endpoint = sections[4][1]
    if (identify_by := value["Match Inbound Authentication"]) != "Default":
        endpoint["identify_by"] = identify_by.lower()
    if "From User" in value:
        endpoint["from_user"] = value["From User"]
    if (encryption := _MEDIA_ENCRYPTION[value["Media Encryption"]]) != "no":
        endpoint["media_encryption"] = encryption
    if value["Send RPID/PAI"] == "Send P-Asserted-Identity header":
        endpoint["send_pai"] = "yes"
    if value["Send Private CallerID Information"] == "Yes":
        endpoint["trust_id_outbound"] = "yes"
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
    caller_id = _typed(page)["Outbound CallerID"]
    trunk = "SIP/trunkline/${EXTEN}" if technology == "SIP" else "PJSIP/${EXTEN}@trunkline"
    lines = ["[from-trunkline]", f"exten => _X.,1,Dial({technology}/100,60)"]
    lines += [f"[{context}]", "include => from-trunkline", "[to-trunkline]"]
    shown = caller_id if caller_id.startswith("+") else "${CALLERID(num)}"
    for pattern in ("_+X.", "_00X."):
        lines += [f"exten => {pattern},1,Set(CALLERID(num)={shown})", f" same => n,Dial({trunk},60)"]
    return "\n".join(lines) + "\n"
