"""Rows into the dataclasses of `trunkline.trunk`, and back.

Reading builds the dataclasses, which check themselves: a row that can't be one raises `DirectoryError`.
Nothing here touches a connection; who reads or writes the rows is `accounts`, `numbers`, `carriers` and
`directory_source`.
"""

import sys
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from trunkline.errors import DirectoryError
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.uri import SipUri
from trunkline.store.keys import Keyring
from trunkline.trunk.account import Account, AccountStatus, AlarmAction, CallerIdPolicy, Credential, Ringback
from trunkline.trunk.carrier import Carrier, CarrierCredentials, Gateway, GatewayTransport, Rewrite
from trunkline.trunk.forwarding import Endpoint, ForwardingList, MediaProtection
from trunkline.trunk.media_policy import DtmfMode, SrtpPolicy
from trunkline.trunk.number import Number
from trunkline.trunk.routes import Route, RouteCarrier

Row = Mapping[str, Any]
Values = dict[str, Any]


def account_values(account: Account) -> Values:
    """The columns of `account`, except `created_at`. Its credentials are rows of their own."""
    return {
        "key": account.key,
        "name": account.name,
        "status": account.status.value,
        "caller_id_policy": account.caller_id_policy.value,
        "caller_id_number": account.caller_id_number,
        "max_concurrent": account.max_concurrent,
        "max_inbound": account.max_inbound,
        "max_per_second": account.max_per_second,
        "minutes_per_day": account.minutes_per_day,
        "cost_per_day": account.cost_per_day,
        "allowed_prefixes": list(account.allowed_prefixes),
        "denied_prefixes": list(account.denied_prefixes),
        "codecs": list(account.codecs),
        "transcoding": account.transcoding,
        "srtp": account.srtp.value,
        "dtmf": account.dtmf.value,
        "refer_enabled": account.refer_enabled,
        "alarm": account.alarm.value,
        "ringback": account.ringback.value,
        "announcements": account.announcements,
    }


def account_from(row: Row, credentials: Sequence[Row]) -> Account:
    """`credentials` are its rows, oldest first."""
    with _named(f"account {row['key']}"):
        return Account(
            key=row["key"],
            name=row["name"],
            status=AccountStatus(row["status"]),
            credentials=tuple(
                Credential(
                    item["ha1_md5"],
                    item["ha1_sha256"],
                    item["expires_at"],
                    # SQLite gives the id of a row that was deleted to the next one.
                    f"{item['id']}-{item['created_at']}",
                )
                for item in credentials
            ),
            caller_id_policy=CallerIdPolicy(row["caller_id_policy"]),
            caller_id_number=row["caller_id_number"],
            max_concurrent=row["max_concurrent"],
            max_inbound=row["max_inbound"],
            max_per_second=row["max_per_second"],
            minutes_per_day=row["minutes_per_day"],
            cost_per_day=row["cost_per_day"],
            allowed_prefixes=tuple(row["allowed_prefixes"]),
            denied_prefixes=tuple(row["denied_prefixes"]),
            codecs=tuple(row["codecs"]),
            transcoding=row["transcoding"],
            srtp=SrtpPolicy(row["srtp"]),
            dtmf=DtmfMode(row["dtmf"]),
            refer_enabled=row["refer_enabled"],
            alarm=AlarmAction(row["alarm"]),
            ringback=Ringback(row["ringback"]),
            announcements=row["announcements"],
        )


def number_values(number: Number) -> Values:
    """The columns of `number`, except `created_at`. Its endpoints are rows of their own."""
    return {
        "e164": number.e164,
        "account": number.account,
        "forwarding": number.forwarding.text,
        "forwarding_warnings": list(number.forwarding.warnings),
        "ring_timeout_s": number.ring_timeout_s,
    }


def endpoint_values(number: Number) -> list[Values]:
    """The rows of its forwarding list, in its order."""
    return [
        {
            "number": number.e164,
            "position": position,
            "uri": str(endpoint.uri),
            "timeout_ms": endpoint.timeout_ms,
            "media": endpoint.media.value,
            "text": endpoint.text,
        }
        for position, endpoint in enumerate(number.forwarding.endpoints, start=1)
    ]


def number_from(row: Row, endpoints: Sequence[Row]) -> Number:
    """`endpoints` are its rows, by position. Equal text is kept once: there may be a million numbers."""
    text = row["forwarding"]
    with _named(f"number {row['e164']}"):
        return Number(
            e164=row["e164"],
            account=sys.intern(row["account"]),
            forwarding=ForwardingList(
                endpoints=tuple(
                    Endpoint(
                        SipUri.parse(item["uri"]),
                        item["timeout_ms"],
                        MediaProtection(item["media"]),
                        text if item["text"] == text else item["text"],
                    )
                    for item in endpoints
                ),
                warnings=tuple(row["forwarding_warnings"]),
                text=text,
            ),
            ring_timeout_s=row["ring_timeout_s"],
        )


def carrier_values(carrier: Carrier, keyring: Keyring) -> Values:
    """The columns of `carrier`, except `created_at`, its secret encrypted. Its gateways are rows of their
    own."""
    credentials = carrier.credentials
    return {
        "name": carrier.name,
        "enabled": carrier.enabled,
        "called_rules": _rules_value(carrier.called_rules),
        "caller_rules": _rules_value(carrier.caller_rules),
        "inbound_called_rules": _rules_value(carrier.inbound_called_rules),
        "inbound_caller_rules": _rules_value(carrier.inbound_caller_rules),
        "user": None if credentials is None else credentials.user,
        "secret": None if credentials is None else keyring.encrypt(credentials.secret),
        "realm": None if credentials is None else credentials.realm,
        "register": carrier.register,
        "codecs": list(carrier.codecs),
        "transcoding": carrier.transcoding,
        "srtp": carrier.srtp.value,
        "dtmf": carrier.dtmf.value,
        "transport": carrier.transport.value,
        "verify_tls": carrier.verify_tls,
        "sources": [str(network) for network in carrier.sources],
        "inbound_account": carrier.inbound_account,
        "pings": carrier.pings,
        "ping_interval_s": carrier.ping_interval_s,
        "response_timeout_ms": carrier.response_timeout_ms,
        "ring_timeout_s": carrier.ring_timeout_s,
        "from_host": carrier.from_host,
        "trusted": carrier.trusted,
    }


def gateway_values(carrier: Carrier) -> list[Values]:
    """The rows of its gateways, in their order."""
    return [
        {
            "carrier": carrier.name,
            "position": position,
            "uri": str(gateway.uri),
            "priority": gateway.priority,
            "weight": gateway.weight,
        }
        for position, gateway in enumerate(carrier.gateways, start=1)
    ]


def carrier_from(row: Row, gateways: Sequence[Row], keyring: Keyring) -> Carrier:
    """`gateways` are its rows, by position. Raises `KeyFileError` when its secret needs another key file."""
    credentials = None
    if row["user"] is not None:
        secret = keyring.decrypt(row["secret"], f"carrier {row['name']}")
        credentials = CarrierCredentials(row["user"], secret, row["realm"])
    with _named(f"carrier {row['name']}"):
        return Carrier(
            name=row["name"],
            gateways=tuple(
                Gateway(SipUri.parse(item["uri"]), item["priority"], item["weight"]) for item in gateways
            ),
            enabled=row["enabled"],
            called_rules=_rules(row["called_rules"]),
            caller_rules=_rules(row["caller_rules"]),
            inbound_called_rules=_rules(row["inbound_called_rules"]),
            inbound_caller_rules=_rules(row["inbound_caller_rules"]),
            credentials=credentials,
            register=row["register"],
            codecs=tuple(row["codecs"]),
            transcoding=row["transcoding"],
            srtp=SrtpPolicy(row["srtp"]),
            dtmf=DtmfMode(row["dtmf"]),
            transport=GatewayTransport(row["transport"]),
            verify_tls=row["verify_tls"],
            sources=tuple(ip_network(text) for text in row["sources"]),
            inbound_account=row["inbound_account"],
            pings=row["pings"],
            ping_interval_s=row["ping_interval_s"],
            response_timeout_ms=row["response_timeout_ms"],
            ring_timeout_s=row["ring_timeout_s"],
            from_host=row["from_host"],
            trusted=row["trusted"],
        )


def route_carrier_values(route: Route) -> list[Values]:
    """The rows of its carriers, in their order."""
    return [
        {
            "route": route.prefix,
            "position": position,
            "carrier": item.carrier,
            "priority": item.priority,
            "weight": item.weight,
        }
        for position, item in enumerate(route.carriers, start=1)
    ]


def route_from(row: Row, carriers: Sequence[Row]) -> Route:
    """`carriers` are its rows, by position."""
    with _named(f"route {row['prefix']!r}"):
        return Route(
            row["prefix"],
            tuple(RouteCarrier(item["carrier"], item["priority"], item["weight"]) for item in carriers),
            row["price_per_minute"],
        )


def _rules_value(rules: Sequence[Rewrite]) -> list[Values]:
    return [{"prefix": rule.prefix, "strip": rule.strip, "prepend": rule.prepend} for rule in rules]


def _rules(value: Sequence[Row]) -> tuple[Rewrite, ...]:
    return tuple(Rewrite(rule["prefix"], rule["strip"], rule["prepend"]) for rule in value)


class _named:  # noqa: N801 (reads as a function; a generator would take three times as long, a million times)
    """Turns what is wrong with a row into a `DirectoryError` that says whose row it is."""

    __slots__ = ("_whose",)

    def __init__(self, whose: str) -> None:
        self._whose = whose

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValueError | TypeError | KeyError | SipSyntaxError | DirectoryError):
            raise DirectoryError(f"{self._whose}: its row in the database can't be used: {error}") from error
