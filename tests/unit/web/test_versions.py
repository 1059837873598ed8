"""Versions change with what can be changed, and tell no secret."""

from dataclasses import replace

import pytest

from tests.unit.store.entities import ACCOUNT, CARRIER, NUMBER, ROUTE
from trunkline.store.webhooks import Webhook
from trunkline.trunk.account import Credential
from trunkline.trunk.routes import RouteCarrier
from trunkline.web.errors import ChangedMeanwhileError
from trunkline.web.versions import Versioned, unchanged, version_of

WEBHOOK = Webhook("1", "acme", "https://example.com/", (), True, 0, 1.0)


def test_a_version_is_its_things_own() -> None:
    assert version_of(NUMBER) == version_of(replace(NUMBER))
    changed: list[Versioned] = [
        replace(WEBHOOK, enabled=False),
        replace(NUMBER, ring_timeout_s=9.0),
        replace(ACCOUNT, name="x"),
        replace(CARRIER, trusted=False),
        replace(ROUTE, carriers=(RouteCarrier("upstream", 2),)),
    ]
    things: list[Versioned] = [NUMBER, ACCOUNT, CARRIER, ROUTE, WEBHOOK, *changed]
    assert len({version_of(thing) for thing in things}) == len(things)


def test_secrets_are_not_in_it() -> None:
    with_secret = replace(ACCOUNT, credentials=(Credential("a" * 32, "b" * 64),))
    assert version_of(with_secret) == version_of(ACCOUNT)


def test_what_was_dropped_is_no_change_of_a_webhook() -> None:
    assert version_of(replace(WEBHOOK, dropped=7)) == version_of(WEBHOOK)


def test_guard() -> None:
    guard = unchanged(version_of(NUMBER))
    guard(NUMBER)
    with pytest.raises(ChangedMeanwhileError):
        guard(replace(NUMBER, account="other"))
