"""The document's example configurations for Asterisk, verbatim but for names and addresses, as the files that
`own_files.py` includes. Neither says anything of direct media, which is on then.
"""

from tests.interop.node import DOMAIN, HOST, KEY, SECRET

_SIP = f"""\
[nexmo-sip]
fromdomain={DOMAIN}
type=peer
context=nexmo
insecure=port,invite
nat=no
;Add your codec list here.
; Note: Use "ulaw" for US only, "alaw" for the rest of the world.
allow=ulaw
allow=alaw
allow=G729
dtmfmode=rfc2833

[nexmo-sip-01](nexmo-sip)
host={HOST}

[trunkline]
  username={KEY}
  host={{host}}
  port={{port}}
  defaultuser={KEY}
  fromuser={{number}}
  fromdomain={DOMAIN}
  secret={SECRET}
  type=peer
  context=nexmo
  insecure=very
  qualify=yes
  nat=no
  ;Add your codec list here.
  ; Note: Use "ulaw" for US only, "alaw" for the rest of the world.
  allow=ulaw
  allow=alaw
  allow=G729
  dtmfmode=rfc2833
"""
_PJSIP = f"""\
; Basic UDP only endpoint.
[transport-udp]
  type=transport
  protocol=udp
  bind=0.0.0.0:{{own_port}}
[trunkline]
  type = endpoint
  aors = trunkline
  outbound_auth = nexmo-auth
  context = nexmo
  transport=transport-udp
  from_user = {{number}} ; This is optional. CLI can be set in the dialplan
  allow=alaw
  allow=ulaw
  allow=g729
[trunkline]
  type = aor
  contact = sip:{{host}}:{{port}}
  qualify_frequency = 120
[nexmo-auth]
  type = auth
  auth_type = userpass
  username = {KEY}
  password = {SECRET}
[nexmo-reg]
  type = registration
  outbound_auth = nexmo-auth
  server_uri = sip:{{host}}:{{port}}
  client_uri = sip:{KEY}@{DOMAIN}
[nexmo-identify]
  type = identify
  endpoint = trunkline
  match = {HOST}
"""
_DIALPLAN = """\
[from-trunkline]
[to-trunkline]
[nexmo]
include => from-trunkline
"""


def as_documented(*, host: str, port: int, own_port: int, number: str) -> dict[str, str]:
    """For a service at `host` and `port`, and an Asterisk that listens at `own_port`."""
    facts = {"host": host, "port": port, "own_port": own_port, "number": number}
    return {
        "sip_trunkline.conf": _SIP.format(**facts),
        "sip_trunkline_register.conf": f"register => {KEY}:{SECRET}@{host}:{port}\n",
        "pjsip_trunkline.conf": _PJSIP.format(**facts),
        "extensions_trunkline.conf": _DIALPLAN,
    }
