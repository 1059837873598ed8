"""Connecting a PBX: addresses, configurations, what has been seen."""

from typing import Annotated

from pydantic import Field, StringConstraints

from trunkline.pbx.sighting import State
from trunkline.web.api.models.base import Body, Flag, Number

FilledIn = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]*$")]


class EdgeView(Body):
    """A named host of the service, where customers send."""

    name: str = Field(description="With the service's domain.", examples=["sip-eu1.trunk.example.com"])
    region: str | None = Field(examples=["eu"])
    addresses: tuple[str, ...] = Field(examples=[["203.0.113.10", "2001:db8::10"]])
    serves: bool = Field(description="Whether it takes new calls now.")


class AdviceView(Body):
    """What a client in a region enters that knows no SRV."""

    region: str = Field(examples=["eu"])
    share: tuple[str, ...] = Field(
        description="To share the calls between.",
        examples=[["sip-eu1.trunk.example.com", "sip-eu2.trunk.example.com"]],
    )
    backup: tuple[str, ...] = Field(
        description="To try when these fail, in this order.", examples=[["sip-us1.trunk.example.com"]]
    )


class RecordView(Body):
    """One DNS record."""

    name: str = Field(examples=["_sip._udp.trunk.example.com."])
    kind: str = Field(examples=["SRV"])
    data: str = Field(examples=["10 100 5060 sip-eu1.trunk.example.com."])


class AddressesView(Body):
    """What a PBX sends to and has to let in, and the DNS records that lead there."""

    domain: str = Field(examples=["trunk.example.com"])
    edges: list[EdgeView]
    sources: list[str] = Field(
        description="IP addresses that forwarded calls come from.",
        examples=[["203.0.113.10", "2001:db8::10"]],
    )
    media_ports: tuple[int, int] = Field(
        description="First and last UDP port of audio.", examples=[[10000, 20000]]
    )
    records: list[RecordView]
    advice: list[AdviceView] = Field(description="For clients without SRV; none where no edge has a region.")


class SetupBody(Body):
    """What the configuration is for."""

    tls: Flag = Field(False, description="Signalling over TLS.")
    srtp: Flag = Field(False, description="Audio over SRTP; needs `tls`.")
    number: Number | None = Field(
        None, description="The number to present. null: the account's first.", examples=["442079460123"]
    )
    secret: FilledIn | None = Field(
        None, description="To be filled in. The service does not know it: null leaves a mark in its place."
    )


class ConfigFileView(Body):
    """One file, or one page of values."""

    name: str = Field(examples=["pjsip_trunkline.conf"])
    place: str = Field(description="Where it goes.", examples=["/etc/asterisk/"])
    text: str = Field(examples=["[trunkline]\ntype=endpoint\n"])


class ConfigFileList(Body):
    """The configuration, every file of it."""

    items: list[ConfigFileView]


class FindingView(Body):
    """One thing that was looked for."""

    name: str = Field(examples=["password"])
    state: State
    said: str = Field(examples=["registered from 198.51.100.1"])
    remedy: str = Field(description="What to change; empty: nothing.")


class FindingList(Body):
    """What has been seen of a PBX, and what is wrong."""

    items: list[FindingView]
