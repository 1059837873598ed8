"""What the settings of a node mean to each room."""

from pathlib import Path

import pytest

from tests.simulation.scripted_peer import ScriptedPeer
from tests.simulation.world import KEY, SECRET, World
from trunkline.call.ports import Tone
from trunkline.config import Settings
from trunkline.errors import ConfigError, MediaError
from trunkline.net.tls import client_context
from trunkline.node import wiring
from trunkline.observe.log import LogFormat
from trunkline.sip.digest import answer_challenge
from trunkline.sip.ports import Address, Transport
from trunkline.trunk.fraud import FraudPolicy


def settings(text: str = "") -> Settings:
    return Settings.parse(text)


RTPENGINE = '[media]\nengine = "rtpengine"\nrtpengine = ["udp:127.0.0.1:2223"]\n'
LISTENING = (
    '[sip]\nudp = ["127.0.0.1:5060", "[::1]:5060"]\ntcp = ["127.0.0.1:5062"]\ntls = ["127.0.0.1:5061"]\n'
)


def test_every_address_is_bound_with_its_transport() -> None:
    listen = wiring.transport_settings(settings(LISTENING)).listen
    assert [(one.transport, one.bind) for one in listen] == [
        (Transport.UDP, Address("127.0.0.1", 5060)),
        (Transport.UDP, Address("::1", 5060)),
        (Transport.TCP, Address("127.0.0.1", 5062)),
        (Transport.TLS, Address("127.0.0.1", 5061)),
    ]
    assert all(one.advertised == one.bind for one in listen)


def test_phones_are_told_that_a_refer_to_may_hold_replaces() -> None:
    """RFC 3891 §6.2. baresip sends none to who doesn't say so."""
    assert "replaces" in wiring.agent_settings(settings()).supported


def test_tls_outward_trusts_the_authorities_that_the_settings_name() -> None:
    tls = wiring.transport_settings(settings('[tls]\nca_file = "/ca.pem"\nverify_outbound = true\n')).tls
    assert (tls.ca_file, tls.verify_peers) == (Path("/ca.pem"), True)


def test_a_node_without_a_tls_listener_needs_no_certificate_but_shows_the_one_that_it_has(
    tmp_path: Path,
) -> None:
    home = f'[node]\ndata_dir = "{tmp_path}"\n'
    without = wiring.transport_settings(settings(home + "[sip]\ntls = []\n")).tls
    assert (without.certificate, without.key) == (None, None)
    client_context(without, verify=False)
    listening = wiring.transport_settings(settings(home + LISTENING)).tls
    assert listening.certificate == tmp_path / "tls-certificate.pem"
    named = wiring.transport_settings(settings('[sip]\ntls = []\n[tls]\ncertificate = "/own.pem"\n')).tls
    assert named.certificate == Path("/own.pem")
    (tmp_path / "tls-certificate.pem").touch()
    found = wiring.transport_settings(settings(home + "[sip]\ntls = []\n")).tls
    assert (found.certificate, found.key) == (tmp_path / "tls-certificate.pem", tmp_path / "tls-key.pem")


def test_what_is_advertised_is_not_what_is_bound() -> None:
    named = settings(LISTENING + 'advertised_host = "203.0.113.10"\nadvertised_host_ipv6 = "2001:db8::10"\n')
    hosts = [one.advertised.host for one in wiring.transport_settings(named).listen]
    assert hosts == ["203.0.113.10", "2001:db8::10", "203.0.113.10", "203.0.113.10"]


def test_the_media_engine_advertises_its_own_name_then_the_nodes_then_what_it_is_bound_to() -> None:
    bound = '[media]\nbind_address = "198.51.100.1"\n'
    assert wiring.engine_settings(settings(bound)).advertised_v4 == "198.51.100.1"
    node = '[sip]\nadvertised_host = "203.0.113.10"\n'
    assert wiring.engine_settings(settings(node + bound)).advertised_v4 == "203.0.113.10"
    own = bound + 'advertised_address = "203.0.113.11"\n'
    assert wiring.engine_settings(settings(node + own)).advertised_v4 == "203.0.113.11"
    name = '[sip]\nadvertised_host = "edge.example.net"\n'
    assert wiring.engine_settings(settings(name + bound)).advertised_v4 == "198.51.100.1"


def test_without_ipv6_for_media_there_is_none() -> None:
    assert wiring.engine_settings(settings()).advertised_v6 is None
    bound = wiring.engine_settings(settings('[media]\nbind_address_ipv6 = "2001:db8::1"\n'))
    assert (bound.bind_v6, bound.advertised_v6) == ("2001:db8::1", "2001:db8::1")


def test_where_the_simulated_carrier_finds_the_node() -> None:
    def serves(udp: str) -> Address:
        bound = wiring.transport_settings(settings(f"[sip]\nudp = [{udp!r}]\n")).listen
        return wiring.simulated_carrier_serves(bound)

    assert serves("198.51.100.1:5060") == Address("198.51.100.1", 5060)
    assert serves("0.0.0.0:5070") == Address("127.0.0.1", 5070)
    assert serves("[::]:5070") == Address("::1", 5070)
    with pytest.raises(ConfigError, match=r"pstn\.enabled needs an address in sip\.udp"):
        wiring.simulated_carrier_serves(())


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("", 1875),
        ("[limits]\ninbound_share = 1.0\n", 2500),
        ("[limits]\nmax_calls = 100\n", 75),
        ("[limits]\nmax_calls = 9000\n", 1875),
        ("[media]\nport_max = 10003\n", 1),
        (RTPENGINE, None),
        (f"{RTPENGINE}[limits]\nmax_calls = 101\ninbound_share = 0.5\n", 51),
    ],
)
def test_calls_to_one_accounts_numbers_have_a_share_of_the_room(text: str, most: int | None) -> None:
    assert wiring.call_settings(settings(text)).max_inbound == most


def test_every_room_gets_its_own_values() -> None:
    text = (
        "[forwarding]\ndefault_timeout_ms = 3000\ntimeout_status = 480\ntrying_counts = false\n"
        "ring_timeout_s = 30.0\nto_gateways = true\nhealth_failures = 2\nhealth_window = 4\n"
        "[outbound]\nattempt_timeout_ms = 700\nprogress_timeout_s = 7.0\nring_timeout_s = 40.0\n"
        "max_duration_s = 60.0\n"
        '[media]\nsrtp_needs_tls = true\nringback = "440+480:2000/4000"\n'
        "[limits]\nmax_calls = 7\nsource_requests = 5\nknown_source_requests = 6\nstrangers_requests = 9\n"
        "source_window_s = 1.5\nban_s = 9.0\nspike_calls = 8\nspike_factor = 2.5\n"
        'guarded_prefixes = ["881"]\n'
        "[registrar]\nmin_expires_s = 61\ndefault_expires_s = 62\nmax_expires_s = 63\nmax_contacts = 2\n"
        '[session_timer]\ninterval_s = 600\nmin_se_s = 120\n[dns]\nnameservers = ["192.0.2.53"]\nport = 54\n'
        'timeout_s = 1.0\n[log]\nlevel = "debug"\nformat = "console"\n[tls]\nmin_version = "1.2"\n'
        "verify_outbound = true\n"
    )
    given = settings(text)
    calls = wiring.call_settings(given)
    assert (calls.endpoint_silence_ms, calls.endpoint_ring_s, calls.trying_counts) == (3000, 30.0, False)
    assert (calls.gateway_silence_ms, calls.gateway_ring_s, calls.longest_call_s) == (700, 40.0, 60.0)
    assert (calls.gateway_progress_s, calls.to_gateways) == (7.0, True)
    assert (calls.timeout_status, calls.max_calls) == (480, 7)
    assert (calls.srtp_needs_tls, calls.announcements) == (True, {})
    assert calls.ringback == Tone((440.0, 480.0), -13.0, (2000, 4000))
    gate = wiring.gate_settings(given)
    assert (gate.window_s, gate.requests_per_window) == (1.5, 5)
    assert (gate.known_requests_per_window, gate.ban_s, gate.loopback) == (6, 9.0, False)
    assert gate.strangers_requests_per_window == 9
    assert wiring.fraud_policy(given) == FraudPolicy(8, 2.5)
    assert calls.guarded_prefixes == ("881",)
    book = wiring.registration_policy(given)
    assert (book.min_expires_s, book.default_expires_s, book.max_expires_s) == (61, 62, 63)
    assert book.max_contacts == 2
    agent = wiring.agent_settings(given)
    assert (agent.session_expires_s, agent.min_se_s, agent.allow) == (600, 120, wiring.METHODS)
    dns = wiring.dns_settings(given)
    assert (tuple(str(one) for one in dns.nameservers), dns.port, dns.locate_s) == (("192.0.2.53",), 54, 1.0)
    health = wiring.health_policy(given)
    assert (health.failures, health.window) == (2, 4)
    assert wiring.log_options(given).format is LogFormat.CONSOLE
    tls = wiring.transport_settings(given).tls
    assert tls is not None
    assert (tls.min_version, tls.verify_peers) == ("1.2", True)


def test_a_proxy_may_insist_on_its_path() -> None:
    """RFC 3327 §5.3: the node keeps it, so `Require: path` is no reason for a 420."""
    world = World(agent_settings=wiring.agent_settings(settings()))
    peer = ScriptedPeer(world.network)
    path = (("Require", "path"), ("Path", "<sip:edge.example;lr>"))
    peer.request("REGISTER", world.node.host.address, headers=path)
    world.clock.advance(1)
    challenge = peer.response_heard(401, "REGISTER").headers.get("www-authenticate") or ""
    answer = answer_challenge(challenge, "REGISTER", "sip:callee@10.0.0.2", KEY, SECRET, "cnonce")
    peer.request(
        "REGISTER", world.node.host.address, cseq=2, headers=(*path, ("Authorization", answer or ""))
    )
    world.clock.advance(1)
    assert peer.heard[-1].headers.all("path") == ["<sip:edge.example;lr>"]


def test_every_rtpengine_gets_its_place_and_its_share() -> None:
    node, media = '[node]\nregion = "us"\n', '[media]\nengine = "rtpengine"\n'
    places = 'rtpengine = ["udp:127.0.0.1:2223", "http:[::1]:2225;weight=4;region=us"]\n'
    more = 'timeout_s = 30.0\nrtpengine_ready = 3\nrtpengine_digits = "127.0.0.1:9"\n'
    made = wiring.rtpengine_settings(settings(node + media + places + more))
    assert made.region == "us"
    assert [(str(one), one.weight, one.region) for one in made.instances] == [
        ("udp:127.0.0.1:2223", 1, None),
        ("http:[::1]:2225", 4, "us"),
    ]
    assert (made.ready, made.ipv6, made.timeout_s, made.digits) == (3, False, 30.0, ("127.0.0.1", 9))


def test_recordings_are_those_named_after_an_error_id(tmp_path: Path) -> None:
    for name in ("busy.wav", "no-route.wav", "nonsense.wav", "declined.mp3"):
        (tmp_path / name).touch()
    assert wiring.announcements(tmp_path) == {
        "busy": str(tmp_path / "busy.wav"),
        "no-route": str(tmp_path / "no-route.wav"),
    }
    with pytest.raises(ConfigError, match=r"media\.announcements"):
        wiring.announcements(tmp_path / "elsewhere")


def test_a_media_address_that_cant_be_bound_is_named_with_its_setting() -> None:
    with pytest.raises(MediaError, match=r"to 203\.0\.113\.1:\d+: .*: see media\.bind_address$"):
        wiring.open_engine(settings('[media]\nbind_address = "203.0.113.1"\n'))
    both = '[media]\nbind_address = "127.0.0.1"\nbind_address_ipv6 = "2001:db8::7"\n'
    with pytest.raises(MediaError, match=r"to \[2001:db8::7\]:\d+: .*: see .* and media\.bind_address_ipv6$"):
        wiring.open_engine(settings(both))
    wiring.open_engine(settings('[media]\nbind_address = "127.0.0.1"\n')).stop()
