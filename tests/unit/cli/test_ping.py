import socket
from threading import Thread

from tests.unit.cli.conftest import CommandLine, RunningNode


def test_an_answer(node: RunningNode) -> None:
    card = node.line.json("ping", node.sip)
    assert (card["answered"], card["answer"]) == (True, "200 OK")
    assert card["server"] == "Trunkline"
    assert card["round_trip_ms"] > 0


def test_a_device_that_speaks_iso_8859_1(line: CommandLine) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as old:
        old.bind(("127.0.0.1", 0))
        old.settimeout(30)

        def answer() -> None:
            request, source = old.recvfrom(4096)
            head = request.partition(b"\r\nContent-Length")[0].partition(b"\r\n")[2]
            end = b"\r\nServer: B\xfcro\r\nContent-Length: 0\r\n\r\n"
            old.sendto(b"SIP/2.0 200 Verf\xfcgbar\r\n" + head + end, source)

        answering = Thread(target=answer)
        answering.start()
        shown = line.run("ping", f"sip:127.0.0.1:{old.getsockname()[1]}")
        answering.join()
    assert "200 Verfügbar" in shown
    assert "Büro" in shown


def test_silence_is_not_waited_for_longer_than_asked(line: CommandLine) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        card = line.json("ping", f"sip:127.0.0.1:{deaf.getsockname()[1]}", "--within", "0.2", status=1)
    assert card["answer"] == "no answer within 0.2 s"


def test_a_closed_port_is_told_at_once(line: CommandLine) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert "refused" in line.json("ping", f"sip:127.0.0.1:{port}", status=1)["answer"]


def test_what_is_no_uri(line: CommandLine) -> None:
    assert "'sip:'" in line.error("ping", "sip:")


def test_an_address_of_ipv6(line: CommandLine) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as peer:
        peer.bind(("::1", 0))
        peer.settimeout(30)

        def answer() -> None:
            request, source = peer.recvfrom(4096)
            head = request.partition(b"\r\nContent-Length")[0].partition(b"\r\n")[2]
            peer.sendto(b"SIP/2.0 200 OK\r\n" + head + b"\r\nContent-Length: 0\r\n\r\n", source)

        answering = Thread(target=answer, daemon=True)
        answering.start()
        assert line.json("ping", f"sip:[::1]:{peer.getsockname()[1]}")["answer"] == "200 OK"
        answering.join()
