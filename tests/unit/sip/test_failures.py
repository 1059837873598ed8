"""Failures below and above the transactions."""

import pytest

from trunkline.sip.failures import FlowFailure, FlowFailureKind, RequestFailure, RequestFailureKind


@pytest.mark.parametrize("kind", FlowFailureKind)
def test_only_tls_keeps_its_kind(kind: FlowFailureKind) -> None:
    failure = RequestFailure.of_flow("TLS 192.0.2.1:5061", FlowFailure(kind, "why"))
    tls = kind is FlowFailureKind.TLS
    assert failure.kind is (RequestFailureKind.TLS if tls else RequestFailureKind.UNREACHABLE)
    assert failure.detail == f"TLS 192.0.2.1:5061: {kind}: why"


def test_printed_in_one_line() -> None:
    assert str(FlowFailure(FlowFailureKind.CLOSED)) == "closed"
    assert str(FlowFailure(FlowFailureKind.TLS, "no common version")) == "tls: no common version"
    assert str(RequestFailure(RequestFailureKind.NO_RESPONSE)) == "no-response"
    assert str(RequestFailure(RequestFailureKind.NAME, "NXDOMAIN")) == "name: NXDOMAIN"
