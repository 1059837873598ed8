"""Carriers and routes as bodies."""

from dataclasses import fields

import pytest
from pydantic import ValidationError

from tests.unit.store.entities import CARRIER, ROUTE
from trunkline.errors import DirectoryError
from trunkline.store.carriers import CarrierChanges
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.routes import Route, RouteCarrier
from trunkline.web.api.models.carrier import (
    CarrierFields,
    CarrierUpdate,
    CarrierView,
    NewCarrier,
    NewRoute,
    RouteView,
)


def test_a_carrier_is_shown_whole_but_for_its_secret() -> None:
    shown = CarrierView.of(CARRIER).model_dump(mode="json")
    assert shown.keys() - {"registers"} == {field.name for field in fields(Carrier)} - {"register"}
    assert shown["registers"] is True
    assert shown["credentials"] == {"user": "user", "realm": "realm"}
    assert "carrier-s3cret" not in str(shown)


def test_it_can_be_made_as_it_was_shown() -> None:
    shown = CarrierView.of(CARRIER).model_dump(mode="json")
    shown["credentials"]["secret"] = "carrier-s3cret"
    assert NewCarrier.model_validate(shown).read() == CARRIER


def test_everything_that_can_be_changed_has_a_field() -> None:
    names = {"register" if name == "registers" else name for name in CarrierFields.model_fields}
    assert names == set(CarrierChanges.__annotations__)
    assert NewCarrier.model_validate({"name": "new"}).read() == Carrier("new", ())


def test_a_change_names_what_it_changes() -> None:
    assert CarrierUpdate.model_validate({"credentials": None, "registers": False}).changes() == {
        "credentials": None,
        "register": False,
    }


@pytest.mark.parametrize(
    "body",
    [
        {"gateways": [{"uri": "sip:"}]},
        {"gateways": [{"uri": "sip:a b"}]},
        {"sources": ["10.0.0.0/33"]},
        {"from_host": "a b"},
        {"registers": True},
        {"codecs": ["opus"]},
    ],
)
def test_what_can_not_be_is_refused_by_the_trunk(body: dict[str, object]) -> None:
    with pytest.raises(DirectoryError):
        NewCarrier.model_validate({"name": "new", **body}).read()


@pytest.mark.parametrize(
    "body",
    [
        {"gateways": [{"uri": "sip:a", "priority": -1}]},
        {"called_rules": [{"prefix": "44", "strip": 16}]},
        {"called_rules": [{"prefix": "44", "prepend": "abc"}]},
        {"credentials": {"user": "us"}},
        {"ping_interval_s": 0},
    ],
)
def test_what_has_the_wrong_shape_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NewCarrier.model_validate({"name": "new", **body})


def test_a_gateway_needs_no_scheme() -> None:
    carrier = NewCarrier.model_validate({"name": "new", "gateways": [{"uri": "sbc.example"}]}).read()
    assert str(carrier.gateways[0].uri) == "sip:sbc.example"


def test_routes() -> None:
    shown = RouteView.of(ROUTE)
    assert shown.model_dump() == {
        "prefix": "44",
        "carriers": ({"carrier": "upstream", "priority": 1, "weight": 5},),
    }
    assert NewRoute(**dict(shown)).route("44") == ROUTE


def test_every_number_has_a_name_for_its_prefix() -> None:
    everything = Route("", (RouteCarrier("upstream"),))
    assert RouteView.of(everything).prefix == "all"
    assert (
        NewRoute.model_validate({"prefix": "all", "carriers": [{"carrier": "upstream"}]}).route("all")
        == everything
    )
    for prefix in ("", "4x", "ALL"):
        with pytest.raises(ValidationError):
            NewRoute.model_validate({"prefix": prefix, "carriers": [{"carrier": "upstream"}]})
    with pytest.raises(ValidationError):
        NewRoute.model_validate({"prefix": "44", "carriers": []})
