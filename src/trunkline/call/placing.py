"""Placing an attempt: its media leg, its record, and the INVITE that goes out for it.

What goes into the INVITE is the plan's (`FarLeg`); on whose behalf it is offered, and who hears what becomes
of it, is said by whoever places it: the call for its targets, a transfer for its own.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from trunkline.call.attempt import Attempt, AttemptOwner, Patience
from trunkline.call.leg import Leg
from trunkline.call.leg_owner import LegOwner
from trunkline.call.passing import Field
from trunkline.call.ports import NoFamilyError
from trunkline.call.record import AttemptRecord, CallRecord
from trunkline.call.services import CallSettings, Services
from trunkline.errors import MediaError, SdpError
from trunkline.sdp.local import LocalAudio
from trunkline.sip.failures import RequestFailure, RequestFailureKind
from trunkline.sip.fronted import source_of
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.ports import LocateFailure
from trunkline.sip.ports import Target as Place
from trunkline.sip.stack import NextHop
from trunkline.sip.uri import OtherUri, SipUri, is_address
from trunkline.trunk.gateway_addresses import NONE_BARRED
from trunkline.trunk.media_policy import MediaPolicy, SrtpPolicy
from trunkline.trunk.plan import EndpointTarget, FarLeg, GatewayTarget

Target = GatewayTarget | EndpointTarget


class Way(Protocol):
    """A plan: what goes into the INVITE for each of its targets (`OutboundPlan` or `InboundPlan`)."""

    def leg(self, target: Any) -> FarLeg:
        """For one of its own targets."""


class _Nowhere(Way):
    """The way of a call that is refused before anybody is tried."""

    def leg(self, target: Any) -> FarLeg:
        raise LookupError(f"there is no way to {target}")


NOWHERE = _Nowhere()
TARGETS_IN_TIME = 3
"""How many silent targets of one URI (its SRV and address records) are tried within the URI's own time."""


def open_attempt(
    services: Services,
    leg_owner: LegOwner,
    owner: AttemptOwner,
    record: CallRecord,
    far: FarLeg,
    *,
    beside: Leg,
) -> Attempt:
    """The next attempt of the call that `record` is about, counted in it, with a media port of its own.
    `beside` is the leg that it will be joined with. Raises `MediaError` when none can be had.
    """
    open_leg = partial(
        Leg,
        services.media,
        leg_owner,
        session=LocalAudio(services.new_session_id()),
        beside=beside,
        policy=_guarded(far.media) if services.settings.srtp_needs_tls else far.media,
        key=services.key,
    )
    ipv6 = _has_ipv6(far)
    try:
        leg = open_leg(ipv6=ipv6)
    except NoFamilyError:
        if not ipv6:
            raise
        # One of no use costs this target alone: its INVITE finds no way, or is refused.
        leg = open_leg(ipv6=False)
    record.attempts += 1
    attempt_record = AttemptRecord(
        attempt_id=services.token(),
        call_id=record.call_id,
        position=record.attempts,
        target=far.label,
        carrier=far.carrier,
        started_at=record.moment(services.clock.now()),
        sip_call_id=services.token(),
        wall_minus_now=record.wall_minus_now,
    )
    services.trace.link(attempt_record.sip_call_id, record.call_id)
    return Attempt(services, owner, leg, attempt_record, _patience(far, services.settings))


def _patience(far: FarLeg, settings: CallSettings) -> Patience:
    """How long is waited for this target: as it says itself, else as for all of its kind."""
    inbound = far.carrier is None
    silence_ms, ring_s = far.response_timeout_ms, far.ring_timeout_s
    if silence_ms is None:
        silence_ms = settings.endpoint_silence_ms if inbound else settings.gateway_silence_ms
    if ring_s is None:
        ring_s = settings.endpoint_ring_s if inbound else settings.gateway_ring_s
    return Patience(
        silence_ms / 1000,
        ring_s,
        trying_counts=settings.trying_counts or not inbound,
        progress_s=None if inbound else settings.gateway_progress_s,
    )


def send_invite(
    services: Services,
    attempt: Attempt,
    far: FarLeg,
    *,
    behalf: Leg,
    resumes: bool = False,
    passed: Sequence[Field] = (),
    max_forwards: int = 70,
) -> None:
    """Send the INVITE of an attempt, with an offer on behalf of the peer of `behalf` (`Leg.offer`) and the
    header fields `passed` on. What becomes of it may be heard before this returns. A name is located first:
    one that has IPv6 addresses alone is offered audio at ours.
    """
    route = [NameAddr.parse(value) for value in far.path]
    hop = far.next_hop or (route[0].uri if route else far.request_uri)

    def send(next_hop: NextHop) -> None:
        try:
            body = attempt.leg.offer(behalf, resumes=resumes)
        except SdpError as error:
            attempt.unoffered(str(error))
            return
        attempt.invite = services.agent.invite(
            uri=far.request_uri,
            from_=far.from_,
            to=far.to,
            next_hop=next_hop,
            route=route,
            headers=(*far.headers, *passed),
            body=body,
            max_forwards=max_forwards,
            target_timeout_s=attempt.patience.silence_s / TARGETS_IN_TIME,
            barred=services.barred if far.carrier is None else NONE_BARRED,
            credentials=_digest_user(far),
            call_id=attempt.record.sip_call_id,
            events=attempt,
        )

    def located(found: Sequence[Place] | LocateFailure) -> None:
        if not attempt.live:
            return  # it was given up meanwhile
        if isinstance(found, LocateFailure):
            attempt.failed(RequestFailure(RequestFailureKind.NAME, found.reason))
            return
        if found and all(":" in place.address.host for place in found):
            try:
                attempt.leg.move(services.media, behalf, ipv6=True)
            except NoFamilyError:
                pass  # of no use, as in `open_attempt`
            except MediaError as error:
                attempt.unoffered(str(error))
                return
        send(found)

    if isinstance(hop, SipUri) and not is_address(far.request_uri.host):
        services.agent.stack.locator.locate(hop, located)
    else:
        send(hop if not isinstance(hop, OtherUri) else far.request_uri)


def _has_ipv6(far: FarLeg) -> bool:
    """Whether audio is offered at an IPv6 address: to a host that is one, or has registered from one. Of
    another name the addresses tell (`send_invite`).
    """
    host, hop = far.request_uri.host, far.next_hop
    if hop is not None and not isinstance(hop, SipUri) and not is_address(host):
        host = source_of(hop).host
    return ":" in host


def _guarded(media: MediaPolicy) -> MediaPolicy:
    """`media` where SRTP keys may travel over TLS only: a peer that was offered plain RTP stays with it."""
    return media if media.srtp is SrtpPolicy.REQUIRED else replace(media, srtp=SrtpPolicy.FORBIDDEN)


def _digest_user(far: FarLeg) -> DigestUser | None:
    """What the target's challenge may be answered with: the carrier's own credentials, never anybody
    else's.
    """
    credentials = far.credentials
    return (
        None if credentials is None else DigestUser(credentials.user, credentials.secret, credentials.realm)
    )
