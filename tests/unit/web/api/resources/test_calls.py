"""Calls."""

import io
from dataclasses import replace

import dpkt
import httpx
import pytest

from tests.unit.store.entities import call_record, ended_call
from tests.unit.store.test_calls import write, write_course
from tests.unit.web.customers import ALPHA, BETA
from tests.unit.web.paper_node import CALL, MESSAGES, PaperNode
from trunkline.web.office import Office


def test_every_call_is_on_one_page(operator: httpx.Client, office: Office) -> None:
    write(office.store.database, *(ended_call(f"c{n}", setup_at=2000.0 + n // 2) for n in range(6)))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": "3", **({} if cursor is None else {"cursor": cursor})}
        page = operator.get("/v1/calls", params=query).json()
        seen += [call["call_id"] for call in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ["c5", "c4", "c3", "c2", "c1", "c0", "call-beta", "call-alpha"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"account": "alpha"}, ["call-alpha"]),
        ({"sip_call_id": "call-beta@pbx"}, ["call-beta"]),
        ({"verdict": "answered", "direction": "outbound", "state": "closed"}, ["call-beta", "call-alpha"]),
        ({"verdict": "busy"}, []),
        ({"carrier": "upstream", "number": "441632960001"}, ["call-beta", "call-alpha"]),
        ({"since": "1970-01-01T00:16:41Z"}, []),
        ({"until": "1970-01-01T01:16:41+01:00"}, ["call-beta", "call-alpha"]),
    ],
)
def test_filters(operator: httpx.Client, query: dict[str, str], found: list[str]) -> None:
    assert [call["call_id"] for call in operator.get("/v1/calls", params=query).json()["items"]] == found


@pytest.mark.parametrize("query", [{"verdict": "nonsense"}, {"cursor": "x"}, {"since": "yesterday"}])
def test_filters_that_are_none(operator: httpx.Client, query: dict[str, str]) -> None:
    assert operator.get("/v1/calls", params=query).status_code == 422


def test_a_call_with_its_attempts(alpha: httpx.Client) -> None:
    shown = alpha.get(f"/v1/calls/{ALPHA.call_id}").json()
    assert shown["call"]["verdict"]["id"] == "answered"
    assert [attempt["position"] for attempt in shown["attempts"]] == [1]
    assert alpha.get("/v1/calls/nothing").status_code == 404


def test_its_messages(operator: httpx.Client, node: PaperNode) -> None:
    node.live = [CALL]
    [message] = operator.get("/v1/calls/c1/ladder").json()["items"]
    assert message["text"].startswith("INVITE sip:1@h SIP/2.0")
    assert (message["sent"], message["leg"]) == (False, 0)


def test_its_messages_as_a_capture(operator: httpx.Client, node: PaperNode) -> None:
    node.live = [CALL]
    answer = operator.get("/v1/calls/c1/ladder.pcap")
    assert answer.headers["content-type"] == "application/vnd.tcpdump.pcap"
    assert answer.headers["content-disposition"] == 'attachment; filename="c1.pcap"'
    [(at, packet)] = dpkt.pcap.Reader(io.BytesIO(answer.content))
    assert at == 1000.0
    assert bytes(dpkt.ip.IP(packet).data.data) == MESSAGES[0].data


def test_live_calls(alpha: httpx.Client, node: PaperNode) -> None:
    [call] = alpha.get("/v1/live-calls").json()["items"]
    assert (call["call_id"], call["state"]) == (ALPHA.live_call_id, "answered")
    assert alpha.delete(f"/v1/live-calls/{ALPHA.live_call_id}").status_code == 204
    assert alpha.delete(f"/v1/live-calls/{ALPHA.live_call_id}").status_code == 404
    assert [call.call_id for call in node.live] == [BETA.live_call_id]


def test_audio_of_a_live_call(alpha: httpx.Client, office: Office, node: PaperNode) -> None:
    node.live = [replace(CALL, account="alpha")]
    write(office.store.database, ended_call("c1", account="alpha"), ended_call("c2", account="beta"))
    shown = alpha.get("/v1/live-calls/c1/audio").json()
    assert shown["caller"].keys() == {
        "codec",
        "packets_received",
        "packets_sent",
        "packets_lost",
        "jitter_ms",
        "mos",
    }
    for call_id in (ALPHA.call_id, "c2", "nothing"):
        assert alpha.get(f"/v1/live-calls/{call_id}/audio").status_code == 404


def test_quality_over_time_of_a_call_that_is_up_and_of_one_that_is_over(
    alpha: httpx.Client, office: Office, node: PaperNode
) -> None:
    node.live = [replace(CALL, account="alpha")]
    write(office.store.database, call_record("c1", account="alpha"), ended_call("c2", account="alpha"))
    write_course(office.store.database, ended_call("c2", account="alpha"))
    up = alpha.get("/v1/calls/c1/quality").json()
    assert up["caller"][1] == {"until_s": 10.0, "received": 125, "lost": 125, "jitter_ms": 40.5, "mos": 1.5}
    assert up["callee"][1]["mos"] is None
    over = alpha.get("/v1/calls/c2/quality").json()
    assert [point["received"] for point in over["callee"]] == [250, 2750]
    assert alpha.get(f"/v1/calls/{ALPHA.call_id}/quality").json() == {"caller": [], "callee": []}
    assert alpha.get(f"/v1/calls/{BETA.call_id}/quality").status_code == 404
