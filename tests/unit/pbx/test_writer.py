"""What is written, read back as the programs read it: sections and keys, XML elements."""

import itertools
import re
from xml.etree import ElementTree as ET

import pytest

from tests.unit.pbx.test_trunk_facts import facts
from trunkline.pbx.trunk_facts import Edge, PbxError, TrunkFacts
from trunkline.pbx.writer import Kind, about, title, write

EDGES = (
    Edge("sip-us1.sip.example.net", ("203.0.113.10", "2001:db8::10")),
    Edge("sip-eu1.sip.example.net", ("203.0.113.20",)),
)
PLAIN = facts(edges=EDGES, numbers=("442079460123", "442079460124"))
SECURE = facts(edges=EDGES, tls=True, srtp=True, codecs=("G722", "PCMA", "iLBC", "speex"))


def files(kind: Kind, known: TrunkFacts = PLAIN) -> dict[str, str]:
    return {file.name: file.text for file in write(kind, known)}


def sections(text: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """An Asterisk file: its sections in order, with their settings; `;` begins a comment unless escaped."""
    found: list[tuple[str, list[tuple[str, str]]]] = []
    for line in text.splitlines():
        code = re.split(r"(?<!\\);", line, maxsplit=1)[0].strip().replace("\\;", ";")
        if code.startswith("["):
            found.append((code[1 : code.index("]")], []))
        elif code and found:
            name, _, value = code.partition("=")
            found[-1][1].append((name.strip(), value.lstrip(">").strip()))
    return found


def pjsip(known: TrunkFacts) -> dict[str, dict[str, str]]:
    text = files(Kind.ASTERISK_PJSIP, known)["pjsip_trunkline.conf"]
    return {dict(values)["type"]: dict(values) for _, values in sections(text)}


@pytest.mark.parametrize(("kind", "known"), list(itertools.product(Kind, (PLAIN, SECURE))))
def test_nothing_is_left_to_edit(kind: Kind, known: TrunkFacts) -> None:
    written = files(kind, known)
    everything = "\n".join(written.values())
    assert known.secret in everything
    assert known.domain in everything
    assert not re.search(r"\{\{|\{%|<key>|<secret>|\bNone\b(?! *$)", everything, re.MULTILINE)
    assert all(text.endswith("\n") for text in written.values())
    assert title(kind)
    assert about(kind).endswith(".")


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.THREE_CX])
def test_every_address_is_let_in(kind: Kind) -> None:
    everything = "\n".join(files(kind).values())
    for address in ("203.0.113.10", "203.0.113.20", "2001:db8::10"):
        assert address in everything or address.replace(".", "\\.") in everything


def test_pjsip_over_udp() -> None:
    made = pjsip(PLAIN)
    assert made["transport"]["protocol"] == "udp"
    assert made["aor"]["contact"] == "sip:sip.example.net"
    assert made["registration"]["client_uri"] == "sip:trunk1@sip.example.net"
    assert made["auth"]["username"] == "trunk1"
    assert made["auth"]["password"] == "s3cret-trunk1"
    assert made["endpoint"]["from_user"] == "442079460123"
    assert made["endpoint"]["allow"] == "alaw,ulaw,g722,g729,ilbc,speex16"
    assert "media_encryption" not in made["endpoint"]


def test_pjsip_over_tls_with_srtp() -> None:
    made = pjsip(SECURE)
    assert made["transport"]["protocol"] == "tls"
    assert made["aor"]["contact"] == "sip:sip.example.net;transport=tls"
    assert made["registration"]["server_uri"] == "sip:sip.example.net;transport=tls"
    assert made["endpoint"]["media_encryption"] == "sdes"
    assert made["endpoint"]["allow"] == "g722,alaw,ilbc,speex16"
    assert "from_user" not in made["endpoint"]


def test_pjsip_identifies_by_every_address() -> None:
    text = files(Kind.ASTERISK_PJSIP)["pjsip_trunkline.conf"]
    identify = next(values for name, values in sections(text) if name == "trunkline-identify")
    assert [value for name, value in identify if name == "match"] == [
        "203.0.113.10",
        "2001:db8::10",
        "203.0.113.20",
    ]


def test_nobody_is_the_trunk_by_the_name_in_from_alone() -> None:
    """chan_pjsip else takes whoever calls himself like the endpoint, from anywhere."""
    assert pjsip(PLAIN)["endpoint"]["identify_by"] == "ip"
    page = files(Kind.FREEPBX)["freepbx-17-pjsip.txt"]
    assert re.search(r"(?m)^  Match Inbound Authentication  +Ip$", page)


@pytest.mark.parametrize(
    ("kind", "name"), [(Kind.ASTERISK_SIP, "sip_trunkline.conf"), (Kind.FREEPBX, "freepbx-chan-sip.txt")]
)
def test_chan_sip_knows_the_trunk_by_its_addresses_alone(kind: Kind, name: str) -> None:
    """A friend is known by the user of From too, and with `insecure=invite` not asked for a password."""
    assert set(re.findall(r"(?m)^type=(.*)$", files(kind)[name])) == {"peer"}


def test_chan_sip_in_freepbx_speaks_tcp_with_a_service_that_has_no_udp() -> None:
    page = files(Kind.FREEPBX, facts(edges=EDGES, udp_port=None))["freepbx-chan-sip.txt"]
    assert "\ntcp://trunk1:s3cret-trunk1@sip.example.net:5060/trunk1\n" in page
    assert re.findall(r"(?m)^transport=(.*)$", page) == ["tcp", *["udp,tcp,tls"] * 3]


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        (Kind.ASTERISK_SIP, "sip_trunkline.conf", "tcpenable=yes"),
        (Kind.FREEPBX, "freepbx-chan-sip.txt", "Enable TCP "),
        (Kind.FREEPBX, "freepbx-17-pjsip.txt", "tcp - 0.0.0.0 - All "),
    ],
)
def test_tcp_is_switched_on_where_the_pbx_is_to_speak_it(kind: Kind, name: str, said: str) -> None:
    """It is off: in chan_sip `transport=tcp` means UDP then, and FreePBX has no transport to choose."""
    assert said in files(kind, facts(edges=EDGES, udp_port=None))[name]
    assert said not in files(kind)[name]


IPV6 = facts(edges=(Edge("n1.sip.example.net", ("2001:db8::10",)),))


def test_asterisk_listens_for_ipv6_where_no_edge_has_another_address() -> None:
    """chan_pjsip speaks the family that its transport is bound to, and no other."""
    assert (pjsip(IPV6)["transport"]["bind"], pjsip(IPV6)["endpoint"]["rtp_ipv6"]) == ("[::]:5060", "yes")
    assert pjsip(PLAIN)["transport"]["bind"] == "0.0.0.0:5060", "both families: IPv4 leads there"
    assert "rtp_ipv6" not in pjsip(PLAIN)["endpoint"]
    name = "sip_trunkline.conf"
    assert "udpbindaddr=::" in files(Kind.ASTERISK_SIP, IPV6)[name]
    assert "tlsbindaddr=::" in files(Kind.ASTERISK_SIP, facts(edges=IPV6.edges, tls=True))[name]
    assert "bindaddr" not in files(Kind.ASTERISK_SIP)[name]


def test_freeswitch_has_a_profile_of_its_own_for_ipv6() -> None:
    made = {file.name: file for file in write(Kind.FREESWITCH, IPV6)}
    assert made["sip_profiles/external-ipv6/trunkline.xml"].text.startswith("<!-- Gateway")
    acl = made["sip_profiles/trunkline_acl_param.xml"]
    assert "sip_profiles/internal-ipv6.xml and sip_profiles/external-ipv6.xml" in acl.place
    assert "<!-- external-ipv6.xml asks nobody" in acl.text


@pytest.mark.parametrize("kind", [Kind.FREEPBX, Kind.KAMAILIO])
def test_what_speaks_ipv4_alone_is_not_written_for_a_service_without_it(kind: Kind) -> None:
    with pytest.raises(PbxError, match="IPv4"):
        write(kind, IPV6)


def test_what_each_file_says_of_others_than_the_trunk() -> None:
    """chan_sip takes anybody's calls unless told not to; FreeSWITCH's external profile nobody else's."""
    assert "allowguest=no" in files(Kind.ASTERISK_SIP)["sip_trunkline.conf"]
    assert "other trunks" in files(Kind.FREESWITCH)["sip_profiles/trunkline_acl_param.xml"]


@pytest.mark.parametrize("kind", [Kind.ASTERISK_PJSIP, Kind.ASTERISK_SIP])
@pytest.mark.parametrize("key", ["trunk1", "7c9e2f10", "Ab-1.c"])
def test_calls_to_what_is_registered_arrive(kind: Kind, key: str) -> None:
    """`KEY@DOMAIN` in a forwarding list calls the Contact, whose user is the key."""
    text = files(kind, facts(key=key))["extensions_trunkline.conf"]
    inbound = dict(sections(text))["from-trunkline"]
    assert any(value.startswith(f"{key},1,") for _, value in inbound)


def test_another_port_is_written_out() -> None:
    made = pjsip(facts(udp_port=5080))
    assert made["aor"]["contact"] == "sip:sip.example.net:5080"
    register = files(Kind.ASTERISK_SIP, facts(udp_port=5080))["sip_trunkline_register.conf"]
    assert "register => trunk1:s3cret-trunk1@sip.example.net:5080/trunk1\n" in register


def test_the_pbxs_own_port() -> None:
    assert pjsip(PLAIN)["transport"]["bind"] == "0.0.0.0:5060"
    assert pjsip(SECURE)["transport"]["bind"] == "0.0.0.0:5061"
    assert pjsip(facts(pbx_port=5070))["transport"]["bind"] == "0.0.0.0:5070"
    assert "\nport=5070\n" in files(Kind.KAMAILIO, facts(pbx_port=5070))["kamailio.cfg"]


def test_chan_sip_has_a_peer_for_each_address() -> None:
    written = files(Kind.ASTERISK_SIP)
    made = sections(written["sip_trunkline.conf"])
    peers = {name: dict(values) for name, values in made}
    assert peers["trunkline"]["remotesecret"] == "s3cret-trunk1"
    assert peers["trunkline"]["dtmfmode"] == "rfc2833"
    assert [peers[f"trunkline-in-{n:02d}"]["host"] for n in (1, 2, 3)] == list(PLAIN.addresses)
    assert peers["trunkline-in"]["insecure"] == "port,invite"
    assert (
        "register => trunk1:s3cret-trunk1@sip.example.net/trunk1\n" in written["sip_trunkline_register.conf"]
    )
    secure = files(Kind.ASTERISK_SIP, SECURE)
    assert "register => tls://trunk1:" in secure["sip_trunkline_register.conf"]
    assert "encryption=yes" in secure["sip_trunkline.conf"]


def test_freepbx_over_tls_with_srtp() -> None:
    plain, secure = files(Kind.FREEPBX), files(Kind.FREEPBX, SECURE)
    page = {name: dict(re.findall(r"(?m)^  (\S.*?)  +(\S.*)$", text)) for name, text in secure.items()}
    pjsip = page["freepbx-17-pjsip.txt"]
    assert pjsip["Transport"] == "0.0.0.0-tls"
    assert pjsip["Server URI"] == "sip:sip.example.net:5061"
    assert pjsip["Media Encryption"] == "SRTP via in-SDP (recommended)"
    assert pjsip["tls - 0.0.0.0 - All"] == page["freepbx-chan-sip.txt"]["Enable TLS"] == "Yes"
    assert "From User" not in pjsip, "it has no number"
    for name in secure:
        assert "Certificate Manager" not in plain[name]


def test_kamailio_relays_for_nobody_but_the_pbx_and_the_trunk() -> None:
    """Within a call, too: a To tag and a Route are soon written."""
    route = files(Kind.KAMAILIO)["kamailio.cfg"].partition("request_route {")[2]
    guard, rest = route.index('$si == "203.0.113.20"'), route.index("t_relay()")
    assert guard < route.index('"403", "Forbidden"') < rest


@pytest.mark.parametrize("kind", Kind)
def test_what_forward_to_sip_says_for_tls(kind: Kind) -> None:
    """Without it calls in go over UDP and RTP, which a PBX that was told to speak SRTP refuses."""
    plain, tls = files(kind), files(kind, facts(edges=EDGES, tls=True))
    for name, text in files(kind, SECURE).items():
        if re.search(r"extensions_|register|dialplan|acl", name):
            continue
        assert re.search(r"Forward to SIP.*sips:<[^>]+>@<[^>]+>:5061;media=srtp", text), name
        assert re.search(r"Forward to SIP.*sips:<[^>]+>@<[^>]+>:5061(?: -->)?$", tls[name], re.MULTILINE), (
            name
        )
        assert "sips:<" not in plain[name], name


def test_freeswitch_says_where_tls_is_switched_on() -> None:
    """In conf/vanilla/vars.xml it is off, and a gateway with TLS then fails."""
    for known, said in ((PLAIN, False), (SECURE, True)):
        text = files(Kind.FREESWITCH, known)["sip_profiles/external/trunkline.xml"]
        for name in ("external_ssl_enable=true", "internal_ssl_enable=true"):
            assert (name in text) is said


def test_freeswitch_is_well_formed() -> None:
    for known in (PLAIN, SECURE):
        for name, text in files(Kind.FREESWITCH, known).items():
            assert ET.fromstring(text).tag in {"include", "list", "param"}, name


FREESWITCH_PARAMETERS = frozenset(
    {
        *("username", "realm", "from-user", "from-domain", "password", "extension", "proxy"),
        *("register-proxy", "expire-seconds", "register", "register-transport", "retry-seconds"),
        *("caller-id-in-from", "contact-params", "ping", "rfc-5626", "reg-id"),
    }
)
"""A gateway's, as FreeSWITCH's own conf/vanilla/sip_profiles/external/example.xml documents them."""


def test_freeswitch_documents_each_parameter() -> None:
    for known in (PLAIN, SECURE):
        written = files(Kind.FREESWITCH, known)
        gateway = ET.fromstring(written["sip_profiles/external/trunkline.xml"])
        names = [one.get("name") for one in gateway.iter("param")]
        assert len(names) == len(set(names))
        assert set(names) <= FREESWITCH_PARAMETERS
        # conf/vanilla/sip_profiles/internal.xml has this one
        assert (
            ET.fromstring(written["sip_profiles/trunkline_acl_param.xml"]).get("name") == "apply-inbound-acl"
        )


def test_freeswitch_gateway() -> None:
    text = files(Kind.FREESWITCH, SECURE)["sip_profiles/external/trunkline.xml"]
    root = ET.fromstring(text)
    params = {one.get("name"): one.get("value") for one in root.iter("param")}
    assert params["proxy"] == "sip.example.net"
    assert params["register"] == "true"
    assert params["register-transport"] == "tls"
    assert params["username"] == "trunk1"
    variables = {one.get("name"): one.get("value") for one in root.iter("variable")}
    assert variables["rtp_secure_media"] == "mandatory:AES_CM_128_HMAC_SHA1_80"


def test_freeswitch_lets_in_networks_and_matches_addresses_exactly() -> None:
    written = files(Kind.FREESWITCH)
    acl = ET.fromstring(written["autoload_configs/trunkline_acl.xml"])
    assert [node.get("cidr") for node in acl] == ["203.0.113.10/32", "2001:db8::10/128", "203.0.113.20/32"]
    dialplan = ET.fromstring(written["dialplan/public/00_trunkline.xml"])
    condition = next(one for one in dialplan.iter("condition") if one.get("field") == "network_addr")
    expression = condition.get("expression") or ""
    assert re.fullmatch(expression, "203.0.113.10")
    assert not re.fullmatch(expression, "203.0.113.100")
    assert not re.fullmatch(expression, "203x0.113.10")


def test_what_stands_in_xml_is_escaped() -> None:
    text = files(Kind.FREESWITCH, facts(secret="a=b+c"))["sip_profiles/external/trunkline.xml"]
    assert 'value="a=b+c"' in text
