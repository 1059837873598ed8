"""Ports, addresses and the control socket."""

import socket

from tests.interop.addresses import free_port
from tests.unit.cli.conftest import CommandLine
from tests.unit.cli.doctoring import findings, quiet


def test_a_port_that_is_taken_is_a_fault(line: CommandLine) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        sip = f"127.0.0.1:{taken.getsockname()[1]}"
        quiet(line, sip)
        state, found, remedy = findings(line, 1)[f"port UDP {sip}"]
    assert state == "fault"
    assert "Address already in use" in found
    assert "ss -lnup" in remedy


def test_every_port_that_serve_binds_is_looked_at(line: CommandLine) -> None:
    pstn = f"127.0.0.1:{free_port()}"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        web = f"127.0.0.1:{taken.getsockname()[1]}"
        quiet(line, f"127.0.0.1:{free_port()}", web=web)
        text = line.settings_file.read_text()
        text = text.replace("[pstn]\n", f'[pstn]\nenabled = true\nbind = "{pstn}"\n')
        line.settings_file.write_text(text)
        found = findings(line, 1)
        assert found[f"port HTTP {web}"][0] == "fault"
        assert found[f"port UDP {pstn}"][0] == "fine"
        line.settings_file.write_text(text.replace("[web]\n", "[web]\nenabled = false\n"))
        assert f"port HTTP {web}" not in findings(line, 0)


def test_a_control_socket_that_cant_be_opened_is_a_fault_among_others(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    socket_file = f"/tmp/{'x' * 120}.sock"
    text = line.settings_file.read_text()
    line.settings_file.write_text(text.replace("[http]\n", f'[http]\ncontrol_socket = "{socket_file}"\n'))
    found = findings(line, 1)
    state, said, remedy = found["control socket"]
    assert state == "fault"
    assert said.endswith("can't be opened: AF_UNIX path too long")
    assert "http.control_socket" in remedy
    assert found["media"][0] == "fine"


def test_a_private_address_is_a_warning_with_its_remedy(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}", advertised="192.168.1.9")
    state, _, remedy = findings(line, 0)["advertised address 192.168.1.9"]
    assert state == "warning"
    assert "sip.advertised_host" in remedy


def test_plain_http_beyond_this_machine_and_its_networks_is_a_warning(line: CommandLine) -> None:
    port = free_port()
    quiet(line, f"127.0.0.1:{free_port()}", web=f"0.0.0.0:{port}")
    state, found, remedy = findings(line, 0)[f"dashboard http://0.0.0.0:{port}"]
    assert state == "warning"
    assert found.startswith("on every address of this machine: unless a firewall shuts it off, open")
    assert "passwords" in found
    assert "web.tls" in remedy
    text = line.settings_file.read_text()
    line.settings_file.write_text(text.replace("[web]\n", "[web]\ntls = true\n"))
    assert not any(about.startswith("dashboard ") for about in findings(line, 0))


def test_metrics_for_everybody_are_a_warning(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    assert not any(about.startswith("metrics ") for about in findings(line, 0))
    text = line.settings_file.read_text()
    port = free_port()
    line.settings_file.write_text(
        text.replace('[http]\nbind = "127.0.0.1:', f'[http]\nbind = "[::]:{port}" # ')
    )
    state, found, remedy = findings(line, 0)[f"metrics http://[::]:{port}"]
    assert state == "warning"
    assert found.startswith("on every address of this machine: unless a firewall")
    assert "http.bind" in remedy


def test_a_collector_that_there_is_no_way_to_is_a_warning(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    text = line.settings_file.read_text()
    assert not [about for about in findings(line, 0) if about.startswith("HEP")]
    line.settings_file.write_text(text.replace("[hep]\n", '[hep]\ncollector = "localhost:9060"\n'))
    assert findings(line, 0)["HEP collector localhost:9060"][0] == "fine"
    line.settings_file.write_text(text.replace("[hep]\n", '[hep]\ncollector = "homer.invalid:9060"\n'))
    state, found, remedy = findings(line, 0)["HEP collector homer.invalid:9060"]
    assert state == "warning"
    assert "can't be reached" in found
    assert "hep.collector" in remedy
