"""A test call to one of our numbers: a phone of the node's own calls in as a carrier would, over the wire.

Everything but the carrier is real: the plan, the forwarding list, the endpoints, the media, the record (its
carrier is `TRIAL`). The phone says a tone and listens for whatever comes back.
"""

from trunkline.call.ports import Tone
from trunkline.config.advertised import reachable
from trunkline.errors import DirectoryError
from trunkline.node.rooms import Rooms
from trunkline.node.tokens import token_source
from trunkline.pstn.dialling import CallReport, Dialling
from trunkline.pstn.phone import Phone
from trunkline.pstn.phone_engine import phone_engine
from trunkline.sip.ports import Address, Transport
from trunkline.sip.uri import SipUri
from trunkline.trunk.carrier import Carrier
from trunkline.web.views import TrialCall

TRIAL = Carrier("test-call", ())
"""Who such calls come from."""
TONE_HZ = 440.0
RING_S = 30.0
TALK_S = 3.0


class TrialCalls:
    """Those of one node, one at a time."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._busy = False

    async def place(self, e164: str) -> TrialCall:
        """Call `e164`. Raises `MediaError`, `NetError`, and `DirectoryError` when it can't be tried now."""
        if self._busy:
            raise DirectoryError("another test call is under way; try again when it has ended")
        bound = next((item for item in self._rooms.transports.bound if item.transport is Transport.UDP), None)
        if bound is None:
            raise DirectoryError("test calls come over UDP, and the node does not listen on it (sip.udp)")
        self._busy = True
        try:
            return await self._call(e164, bound.bind)
        finally:
            self._busy = False

    async def _call(self, e164: str, listener: Address) -> TrialCall:
        rooms = self._rooms
        host = reachable(listener.host)
        media = phone_engine(host)
        try:
            phone = Phone(
                clock=rooms.clock,
                media=media,
                locator=rooms.resolver,
                token=token_source(),
                bind=Address(host, 0),
            )
            local = await phone.start()
            rooms.doorman.expect(local, TRIAL)
            try:
                target = SipUri("sip", e164, host, listener.port)
                domain = rooms.settings.service.domain
                dialling = Dialling(
                    target, caller=e164, domain=domain, say=Tone((TONE_HZ,)), talk_s=TALK_S, ring_s=RING_S
                )
                return _told(await phone.dial(dialling))
            finally:
                rooms.doorman.dismiss(local)
                await phone.close()
        finally:
            media.stop()


def _told(report: CallReport) -> TrialCall:
    figures = report.figures
    return TrialCall(
        answered=report.answered,
        status=report.status,
        outcome=report.outcome,
        sip_call_id=report.sip_call_id,
        talk_s=report.talk_s,
        codec=report.codec,
        packets_received=figures.packets_received,
        packets_lost=figures.packets_lost,
        mos=figures.mos,
        steps=tuple((step.at_s, step.what) for step in report.steps),
    )
