"""Connecting a PBX: where the service is, a configuration filled in, and what has been seen of the PBX."""

from fastapi import APIRouter

from trunkline.pbx.trunk_facts import UNKNOWN_SECRET
from trunkline.pbx.writer import Kind
from trunkline.web.api.front import AtDesk
from trunkline.web.api.models.connect import (
    AddressesView,
    AdviceView,
    ConfigFileList,
    ConfigFileView,
    EdgeView,
    FindingList,
    FindingView,
    RecordView,
    SetupBody,
)
from trunkline.web.api.resources.parameters import KeyPath
from trunkline.web.desk.connect import Setup

router = APIRouter(prefix="/v1", tags=["Connect a PBX"])


@router.get("/addresses")
def get_addresses(desk: AtDesk) -> AddressesView:
    """Where a PBX sends its calls, which addresses and ports it has to let in, and the DNS records."""
    known = desk.connect.addresses()
    return AddressesView(
        domain=known.domain,
        edges=[
            EdgeView(
                name=f"{edge.name}.{known.domain}",
                region=edge.region,
                addresses=edge.addresses,
                serves=edge.serves,
            )
            for edge in known.edges
        ],
        sources=list(known.sources),
        media_ports=known.media_ports,
        records=[RecordView.model_validate(record) for record in known.records],
        advice=[AdviceView.model_validate(one) for one in known.advice],
    )


@router.post("/accounts/{key}/pbx/{kind}")
def write_configuration(desk: AtDesk, key: KeyPath, kind: Kind, setup: SetupBody) -> ConfigFileList:
    """The configuration of an account's PBX, filled in."""
    wanted = Setup(kind, setup.tls, setup.srtp, setup.number, setup.secret or UNKNOWN_SECRET)
    files = desk.connect.files(key, wanted)
    return ConfigFileList(items=[ConfigFileView.model_validate(file) for file in files])


@router.get("/accounts/{key}/pbx")
def look_at_pbx(desk: AtDesk, key: KeyPath) -> FindingList:
    """What has been seen of an account's PBX, and what is wrong."""
    return FindingList(items=[FindingView.model_validate(one) for one in desk.connect.findings(key)])
