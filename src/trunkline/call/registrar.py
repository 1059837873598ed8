"""REGISTER: what RFC 3261 §10.3 asks of a registrar, around the location service of
`trunkline.trunk.registrations`.

The account is known by its digest already; its bindings are filed under its key, whatever user the To names,
so that a PBX that puts a number there works as well. Each binding keeps the flow that it came on: calls to it
go back over an open TCP or TLS connection, and over UDP to the address that the packet came from when the
Contact names another one (RFC 3261 §18.1.1, RFC 5626 §7). Where proxies in between have put themselves
into a Path, calls go that way (RFC 3327 §5.3), whether the device knows of it or not.
"""

from collections.abc import Mapping

from trunkline.call.passing import Field, verdict_fields, warning_field
from trunkline.call.ports import RegistrationSink
from trunkline.clock import Clock, rfc1123_date
from trunkline.sip.fronted import FrontedFlow, described
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.ports import Flow
from trunkline.sip.uri import SipUri
from trunkline.trunk.account import Account
from trunkline.trunk.registrations import Binding, Contact, RegistrationRefused, Registrations, read_expires
from trunkline.trunk.verdict import Slug, Verdict

PATH_MAX = 8
"""Proxies between a device and us."""
SWEEP_S = 30.0
"""How often expired bindings are looked for; one that has expired is not called in between either."""


class Registrar:
    """Answers REGISTER. `sweep` runs by itself from `start` on."""

    __slots__ = ("_clock", "_registrations", "_service_domain", "_sink")

    def __init__(
        self, registrations: Registrations, clock: Clock, sink: RegistrationSink, service_domain: str
    ) -> None:
        self._registrations = registrations
        self._clock = clock
        self._sink = sink
        self._service_domain = service_domain

    def start(self) -> None:
        """Begin to sweep."""
        self._clock.at(self._clock.now() + SWEEP_S, self._sweep)

    def register(self, request: Request, flow: Flow, account: Account, secret: str) -> Response:
        """The answer to a REGISTER of `account`, which the credential named `secret` proves. Raises
        `SipSyntaxError` for a malformed Contact: nothing has changed then.
        """
        if account.blocked:
            return response_to(request, 403, headers=verdict_fields(Verdict.of(Slug.ACCOUNT_BLOCKED)))
        expires = request.headers.get("expires")
        expires_s = None if expires is None else read_expires(expires)
        if request.contact_is_star:
            result = self._registrations.remove_all(
                account.key, call_id=request.call_id, cseq=request.cseq.number, expires_s=expires_s
            )
        else:
            path = _path_of(request)
            if path is None:
                return self._refused(request, 400, f"a Path of at most {PATH_MAX} sip URIs is followed")
            contacts = [Contact.read(address) for address in request.contacts]
            usable = [contact for contact in contacts if contact is not None]
            if len(usable) < len(contacts):
                return self._refused(request, 400, "a Contact is neither a sip nor a sips URI")
            result = self._registrations.register(
                account.key,
                call_id=request.call_id,
                cseq=request.cseq.number,
                contacts=usable,
                expires_s=expires_s,
                flow=None if path else flow,
                path=path,
                source=described(flow),
                user_agent=request.headers.get("user-agent") or "",
                fronted=isinstance(flow, FrontedFlow),
                secret=secret,
                until=self._ends_of(account).get(secret),
            )
        if isinstance(result, RegistrationRefused):
            extra = [] if result.min_expires_s is None else [("Min-Expires", str(result.min_expires_s))]
            return self._refused(request, result.status, result.detail, extra)
        self._sink.bindings_changed(account.key, result)
        headers = [("Contact", self._contact(binding)) for binding in result]
        headers += [("Path", value) for value in request.headers.all("path")]
        headers.append(("Date", rfc1123_date(self._clock.wall())))
        return response_to(request, 200, headers=headers)

    def flow_closed(self, flow: Flow) -> None:
        """A connection has closed: whoever registered over it can't be reached (RFC 5626 §7)."""
        self._changed(self._registrations.flow_closed(flow))

    def review(self, key: str, account: Account | None) -> None:
        """It is so now: whoever has registered by a secret that it has no more, or for an account that is
        blocked or gone (None), may have been a thief and would have to do so again. A device is not
        registered for longer than its secret is good. Idempotent.
        """
        ends = {} if account is None or account.blocked else self._ends_of(account)
        if self._registrations.keep(key, ends):
            self._sink.bindings_changed(key, self._registrations.bindings(key))

    def _ends_of(self, account: Account) -> Mapping[str, float | None]:
        """Its secrets by name, with the monotonic second at which each ends."""
        ahead = self._clock.now() - self._clock.wall()
        return {
            one.name: None if one.expires_at is None else one.expires_at + ahead
            for one in account.credentials
        }

    def _contact(self, binding: Binding) -> str:
        q = "" if binding.q == 1000 else f";q={binding.q / 1000:g}"
        return f"<{binding.uri}>{q};expires={binding.remaining_s(self._clock.now())}"

    def _refused(
        self, request: Request, status: int, detail: str, extra: list[Field] | None = None
    ) -> Response:
        headers = [warning_field(399, self._service_domain, detail), *(extra or [])]
        return response_to(request, status, headers=headers)

    def _sweep(self) -> None:
        self._changed(self._registrations.expire())
        self.start()

    def _changed(self, accounts: list[str]) -> None:
        for key in accounts:
            self._sink.bindings_changed(key, self._registrations.bindings(key))


def _path_of(request: Request) -> tuple[str, ...] | None:
    """The Path as a route set, top first; None when it can't be followed."""
    path = request.path if "path" in request.headers else []
    if any("\0" in value for value in request.headers.all("path")):
        return None  # no Route can be made of it
    if len(path) > PATH_MAX or not all(isinstance(each.uri, SipUri) for each in path):
        return None
    return tuple(str(each) for each in path)
