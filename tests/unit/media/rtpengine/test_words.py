"""The keys of commands."""

from tests.unit.media.rtpengine.remotes import G729, PCMA, SPEEX, peer
from trunkline.media.rtpengine import words
from trunkline.media.rtpengine.side import Side


def sides() -> tuple[Side, Side]:
    return Side("caller", ipv6=False), Side("callee-1", ipv6=True)


def test_a_side_is_reserved_in_a_branch_of_its_own() -> None:
    caller, callee = sides()
    offer, answer = words.reserve(caller, callee)
    assert "to-tag" not in offer
    assert offer["via-branch"] == answer["via-branch"] == answer["to-tag"] == "callee-1"
    assert (offer["address-family"], answer["address-family"]) == ("IP6", "IP4")
    assert "inactive" in str(offer["sdp"])


def test_reserving_beside_a_known_caller_leaves_it_as_it_is() -> None:
    caller, callee = sides()
    caller.remote = peer(signalled_from="203.0.113.1")
    offer, answer = words.reserve(caller, callee)
    assert "198.51.100.7" in str(offer["sdp"])
    assert "NAT-wait" in offer["flags"]  # type: ignore[operator]
    assert "8 101" in str(answer["sdp"])


def test_only_a_bridge_tells_both_peers_of_each_other() -> None:
    caller, callee = sides()
    caller.remote, callee.remote = peer(), peer("2001:db8::7")
    apart = words.describe_both(caller, callee, bridged=False, injects=False)
    assert "198.51.100.7" in str(apart.offer["sdp"])
    assert "2001:db8::7" not in str(apart.answer["sdp"])
    together = words.describe_both(caller, callee, bridged=True, injects=True)
    assert "2001:db8::7" in str(together.answer["sdp"])
    assert "inject-DTMF" in together.offer["flags"]  # type: ignore[operator]
    assert "inject-DTMF" in together.answer["flags"]  # type: ignore[operator]


def test_a_callee_who_comes_first_is_told_without_the_caller() -> None:
    caller, callee = sides()
    callee.remote = peer("2001:db8::7")
    said = words.describe_both(caller, callee, bridged=False, injects=False)
    assert "0.0.0.0" in str(said.offer["sdp"])
    assert "2001:db8::7" in str(said.answer["sdp"])


def test_what_only_the_caller_has_stays_decodable() -> None:
    caller, callee = sides()
    caller.remote, callee.remote = peer(hears=(PCMA, G729)), peer("2001:db8::7")
    said = words.describe_both(caller, callee, bridged=True, injects=False)
    assert "codec-accept-G729" in said.offer["flags"]  # type: ignore[operator]


def test_what_only_the_callee_has_is_added_to_the_offer_where_its_number_is_known() -> None:
    caller, callee = sides()
    caller.remote, callee.remote = peer(), peer("2001:db8::7", hears=(PCMA, G729, SPEEX))
    flags = words.describe_both(caller, callee, bridged=True, injects=False).offer["flags"]
    assert isinstance(flags, list)
    assert [flag for flag in flags if str(flag).startswith("codec")] == ["codec-transcode-G729"]


def test_where_nothing_passes_the_answer_has_nothing_in_common_with_the_offer() -> None:
    caller, callee = sides()
    caller.remote = peer(payload_types={})
    callee.remote = peer("2001:db8::7", payload_types={}, hears=(G729,), speaks=G729)
    offer = words.describe_both(caller, callee, bridged=True, injects=False).offer
    assert "codec-mask-telephone-event" in offer["flags"]  # type: ignore[operator]


def test_packets_are_cut_for_each_peer_where_audio_is_transcoded_and_nowhere_else() -> None:
    caller, callee = sides()
    caller.remote = peer(payload_types={}, hears=(SPEEX,), speaks=SPEEX)
    callee.remote = peer("2001:db8::7", payload_types={})
    offer = words.describe_both(caller, callee, bridged=True, injects=False).offer
    assert (offer["ptime"], offer["ptime-reverse"]) == (20, 40)
    caller.remote = peer()
    assert "ptime" not in words.describe_both(caller, callee, bridged=True, injects=False).offer


def test_one_port_for_rtp_and_rtcp_is_each_sides_own_affair() -> None:
    caller, callee = sides()
    caller.remote, callee.remote = peer(rtcp_port=4000), peer("2001:db8::7")
    assert words.describe_both(caller, callee, bridged=True, injects=False).offer["rtcp-mux"] == ["demux"]
    caller.remote, callee.remote = peer(), peer("2001:db8::7", rtcp_port=4000)
    assert words.describe_both(caller, callee, bridged=True, injects=False).offer["rtcp-mux"] == ["offer"]
