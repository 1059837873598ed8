"""The keys of commands."""

from base64 import b64encode
from dataclasses import replace

from tests.unit.media.rtpengine.remotes import G729, PCMA, SPEEX, peer
from trunkline.call.ports import SrtpKeys
from trunkline.media.rtpengine import words
from trunkline.media.rtpengine.side import Side


def sides() -> tuple[Side, Side]:
    return Side("caller", ipv6=False), Side("callee-1", ipv6=True)


def both(caller: Side, callee: Side, *, bridged: bool = True, injects: bool = False) -> words.Words:
    return words.describe_both(words.parties(caller, callee, bridged=bridged), injects=injects)


def test_a_side_is_reserved_in_a_branch_of_its_own() -> None:
    caller, callee = sides()
    said = words.reserve(caller, callee)
    offer, answer = said.offer, said.answer
    assert "to-tag" not in offer
    assert offer["via-branch"] == answer["via-branch"] == answer["to-tag"] == "callee-1"
    assert (offer["address-family"], answer["address-family"]) == ("IP6", "IP4")
    assert "inactive" in str(offer["sdp"])


def test_reserving_beside_a_known_caller_leaves_it_as_it_is() -> None:
    caller, callee = sides()
    caller.remote = peer(signalled_from="203.0.113.1")
    said = words.reserve(caller, callee)
    offer, answer = said.offer, said.answer
    assert "198.51.100.7" in str(offer["sdp"])
    assert "NAT-wait" in offer["flags"]  # type: ignore[operator]
    assert "8 101" in str(answer["sdp"])


def test_only_a_bridge_tells_both_peers_of_each_other() -> None:
    caller, callee = sides()
    caller.remote, callee.remote = peer(), peer("2001:db8::7")
    apart = both(caller, callee, bridged=False)
    assert "198.51.100.7" in str(apart.offer["sdp"])
    assert "2001:db8::7" not in str(apart.answer["sdp"])
    together = both(caller, callee, injects=True)
    assert "2001:db8::7" in str(together.answer["sdp"])
    assert "inject-DTMF" in together.offer["flags"]  # type: ignore[operator]
    assert "inject-DTMF" in together.answer["flags"]  # type: ignore[operator]


def test_a_callee_who_comes_first_is_told_without_the_caller() -> None:
    caller, callee = sides()
    callee.remote = peer("2001:db8::7")
    said = both(caller, callee, bridged=False)
    assert "192.0.2.1" in str(said.offer["sdp"])
    assert "2001:db8::7" in str(said.answer["sdp"])


def test_what_only_the_caller_has_stays_decodable() -> None:
    caller, callee = sides()
    caller.remote, callee.remote = peer(hears=(PCMA, G729)), peer("2001:db8::7")
    said = both(caller, callee)
    assert "codec-accept-G729" in said.offer["flags"]  # type: ignore[operator]


def test_what_only_the_callee_has_is_added_to_the_offer_where_its_number_is_known() -> None:
    caller, callee = sides()
    caller.remote, callee.remote = peer(), peer("2001:db8::7", hears=(PCMA, G729, SPEEX))
    flags = both(caller, callee).offer["flags"]
    assert isinstance(flags, list)
    assert [flag for flag in flags if str(flag).startswith("codec")] == ["codec-transcode-G729"]


def test_where_nothing_passes_the_answer_has_nothing_in_common_with_the_offer() -> None:
    caller, callee = sides()
    caller.remote = peer(payload_types={})
    callee.remote = peer("2001:db8::7", payload_types={}, hears=(G729,), speaks=G729)
    said = both(caller, callee)
    assert "codec-mask-telephone-event" in said.offer["flags"]  # type: ignore[operator]
    assert "codec-strip-telephone-event" in said.answer["flags"], "or an rtpengine 26 finds it in the offer"  # type: ignore[operator]


def test_where_audio_passes_the_answer_keeps_its_events() -> None:
    caller, callee = sides()
    caller.remote, callee.remote = peer(), peer("2001:db8::7", hears=(PCMA, G729))
    said = both(caller, callee)
    for flags in (said.offer["flags"], said.answer["flags"]):
        assert "telephone-event" not in str(flags)


def test_who_has_events_offers_where_the_other_has_none() -> None:
    caller, callee = sides()
    caller.remote, callee.remote = peer(takes_events=None), peer("2001:db8::7")
    said = both(caller, callee)
    assert (said.speaker, said.hearer) == (callee, caller)
    assert (said.offer["from-tag"], said.offer["to-tag"]) == ("callee-1", "caller")
    assert (said.answer["from-tag"], said.answer["to-tag"]) == ("callee-1", "caller")
    assert "2001:db8::7" in str(said.offer["sdp"])
    assert (said.offer["address-family"], said.answer["address-family"]) == ("IP4", "IP6")
    assert "codec-accept-telephone-event" in said.offer["flags"]  # type: ignore[operator]


def test_tones_are_made_where_audio_is_transcoded_and_not_where_digits_are_told() -> None:
    caller, callee = sides()
    caller.remote = peer(payload_types={})
    callee.remote = peer("2001:db8::7", payload_types={}, hears=(G729,), speaks=G729, takes_events=None)
    said = both(caller, callee)
    assert (said.speaker, said.offer["flags"][-1]) == (caller, "codec-accept-telephone-event")  # type: ignore[index]
    caller.remote = peer(tells_digits=True)
    callee.remote = peer("2001:db8::7", takes_events=None)
    assert "codec-accept-telephone-event" not in both(caller, callee).offer["flags"]  # type: ignore[operator]


def test_packets_are_cut_for_each_peer_where_audio_is_transcoded_and_nowhere_else() -> None:
    caller, callee = sides()
    caller.remote = peer(payload_types={}, hears=(SPEEX,), speaks=SPEEX)
    callee.remote = peer("2001:db8::7", payload_types={})
    offer = both(caller, callee).offer
    assert (offer["ptime"], offer["ptime-reverse"]) == (20, 40)
    caller.remote = peer(payload_types={}, hears=(G729,), speaks=replace(G729, ptime_ms=60))
    assert both(caller, callee).offer["ptime-reverse"] == 40, "longer ones rtpengine does not always make"
    caller.remote = peer()
    assert "ptime" not in both(caller, callee).offer


def test_one_port_for_rtp_and_rtcp_is_each_sides_own_affair() -> None:
    caller, callee = sides()
    caller.remote, callee.remote = peer(rtcp_port=4000), peer("2001:db8::7")
    assert both(caller, callee).offer["rtcp-mux"] == ["demux"]
    caller.remote, callee.remote = peer(), peer("2001:db8::7", rtcp_port=4000)
    assert both(caller, callee).offer["rtcp-mux"] == ["offer"]


# --- keys ------------------------------------------------------------------------------------------------


A_SENT, A_GOT, B_SENT, B_GOT = (octet * 30 for octet in (b"1", b"2", b"3", b"4"))


def secured() -> tuple[Side, Side]:
    """The caller is sent `A_SENT` and sends with `A_GOT`, the callee likewise."""
    caller, callee = sides()
    caller.remote = peer(srtp=SrtpKeys(A_SENT, A_GOT))
    callee.remote = peer("2001:db8::7", srtp=SrtpKeys(B_SENT, B_GOT))
    return caller, callee


def lines(said: object) -> list[str]:
    """Tag and key of each line."""
    names = {b64encode(key).decode(): key.decode()[0] for key in (A_SENT, A_GOT, B_SENT, B_GOT)}
    found = [line for line in str(said).split("\r\n") if line.startswith("a=crypto:")]
    return [line[9] + names[line.partition("inline:")[2]] for line in found]


def test_each_side_is_given_our_key_by_an_offer_of_the_other() -> None:
    caller, callee = secured()
    pair = words.parties(caller, callee, bridged=True)
    first = words.key_to_give(pair)
    assert first is not None
    assert (first.to, first.key) == (caller, A_SENT)
    offer, answer = first.said.offer, first.said.answer
    assert (offer["from-tag"], offer["to-tag"], offer["address-family"]) == ("callee-1", "caller", "IP4")
    assert (answer["from-tag"], answer["to-tag"]) == ("callee-1", "caller")
    assert (lines(offer["sdp"]), lines(answer["sdp"])) == (["24", "11"], ["12"])
    assert "c=IN IP4 192.0.2.1" in str(answer["sdp"])
    caller.key = A_SENT
    second = words.key_to_give(pair)
    assert second is not None
    assert (second.to, second.key, second.said.offer["from-tag"]) == (callee, B_SENT, "caller")
    callee.key = B_SENT
    assert words.key_to_give(pair) is None


def test_what_is_said_afterwards_keeps_the_keys_in_their_places() -> None:
    caller, callee = secured()
    caller.key, callee.key = A_SENT, B_SENT
    said = both(caller, callee)
    offer, answer = said.offer, said.answer
    assert (lines(offer["sdp"]), lines(answer["sdp"])) == (["12", "23"], ["24"])
    assert offer["transport-protocol"] == answer["transport-protocol"] == "RTP/SAVP"


def test_a_plain_peer_speaks_of_keys_only_to_give_one() -> None:
    caller, callee = secured()
    caller.remote = peer()
    given = words.key_to_give(words.parties(caller, callee, bridged=True))
    assert given is not None
    offer, answer = given.said.offer, given.said.answer
    assert (lines(offer["sdp"]), lines(answer["sdp"])) == (["23"], ["24"])
    assert (offer["transport-protocol"], answer["transport-protocol"]) == ("RTP/SAVP", "RTP/AVP")
    callee.key = B_SENT
    said = both(caller, callee)
    offer, answer = said.offer, said.answer
    assert (lines(offer["sdp"]), lines(answer["sdp"])) == ([], ["24"])
    assert (offer["transport-protocol"], answer["transport-protocol"]) == ("RTP/SAVP", "RTP/AVP")


def test_another_side_is_reserved_beside_a_caller_with_keys() -> None:
    caller, _ = secured()
    said = words.reserve(caller, Side("callee-2", ipv6=False))
    offer, answer = said.offer, said.answer
    assert (lines(offer["sdp"]), lines(answer["sdp"])) == (["12"], [])
    assert (offer["transport-protocol"], answer["transport-protocol"]) == ("RTP/AVP", "RTP/SAVP")
