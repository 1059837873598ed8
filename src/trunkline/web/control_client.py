"""The command line's and the web process's end of the control socket: typed, blocking.

Each request has a connection of its own. A kept one could be used in the moment that the node closes it for
idling (RFC 9112 §9.5), and pages that ask every five seconds hit that moment.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote, urlencode

import httpx
from pydantic import TypeAdapter

from trunkline.call.quality import Quality
from trunkline.errors import DirectoryError, TrunklineError
from trunkline.observe.message import LadderMessage
from trunkline.web.control_format import CALL_EVENT, HEARTBEAT_S, LADDER, TARGETS
from trunkline.web.control_socket import is_answered
from trunkline.web.views import (
    BanView,
    CallAudio,
    CallEvent,
    DirectoryStats,
    Explanation,
    Glance,
    LiveCall,
    MediaPorts,
    NodeStats,
    PbxView,
    PingAnswer,
    Question,
    RegistrationView,
    TargetHealth,
    TrialCall,
    Usage,
)

_T = TypeVar("_T")

_CALLS = TypeAdapter(list[LiveCall])
_AUDIO: TypeAdapter[CallAudio | None] = TypeAdapter(CallAudio | None)
_QUALITY: TypeAdapter[Quality | None] = TypeAdapter(Quality | None)
_REGISTRATIONS = TypeAdapter(list[RegistrationView])
_PBX = TypeAdapter(PbxView)
_GLANCE = TypeAdapter(Glance)
_PING = TypeAdapter(PingAnswer)
_TRIAL = TypeAdapter(TrialCall)
_USAGE = TypeAdapter(Usage)
_BAN = TypeAdapter(BanView)
_BANS = TypeAdapter(list[BanView])
_STATS = TypeAdapter(NodeStats)
_MEDIA_PORTS = TypeAdapter(MediaPorts)
_DIRECTORY = TypeAdapter(DirectoryStats)
_EXPLANATION = TypeAdapter(Explanation)
_QUESTION = TypeAdapter(Question)
_NONE_KEPT = httpx.Limits(max_keepalive_connections=0)

TRIAL_S = 60.0
"""A test call rings, talks and hangs up within this."""


class ControlError(TrunklineError):
    """The node can't be reached, or could not do what was asked."""


class NoNodeError(ControlError):
    """Nobody answers at the control socket."""


class ControlClient:
    """Asks the node whose control socket is `path`. A context manager, and safe to share between threads.

    Making one and every method raise `NoNodeError` when no node answers there, `ControlError` when the node
    can't be asked or could not comply.
    """

    def __init__(
        self, path: Path, *, timeout_s: float = 10.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        """`transport` replaces the socket, for tests."""
        if transport is None:
            try:
                answered = is_answered(path)
            except OSError as error:
                reason = error.strerror or error
                raise ControlError(f"the control socket {path} can't be opened: {reason}") from error
            if not answered:
                raise NoNodeError(f"no node answers at {path}")
            transport = httpx.HTTPTransport(uds=str(path), limits=_NONE_KEPT)
        self._path = path
        self._client = httpx.Client(transport=transport, base_url="http://node", timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up what is under way. Idempotent."""
        self._client.close()

    def stats(self) -> NodeStats:
        return self._get("/stats", _STATS)

    def calls(self) -> list[LiveCall]:
        return self._get("/calls", _CALLS)

    def follow_calls(self) -> Iterator[CallEvent]:
        """Yield the steps of calls as they happen, until the node stops."""
        with (
            self._reporting(),
            self._client.stream("GET", "/calls/follow", timeout=3 * HEARTBEAT_S) as response,
        ):
            if response.is_error:
                response.read()
                self._check(response)
            for line in response.iter_lines():
                if line:
                    yield CALL_EVENT.validate_json(line)

    def hang_up(self, call_id: str) -> bool:
        """End a call; False when there is no such call."""
        return self._done("POST", f"/calls/{quote(call_id, safe='')}/hang-up")

    def audio(self, call_id: str) -> CallAudio | None:
        """The audio of a call under way; None when there is no such call."""
        return self._get(f"/calls/{quote(call_id, safe='')}/audio", _AUDIO)

    def quality(self, call_id: str) -> Quality | None:
        """How the audio of a call under way went until now; None when there is no such call."""
        return self._get(f"/calls/{quote(call_id, safe='')}/quality", _QUALITY)

    def ladder(self, call_id: str) -> list[LadderMessage]:
        """The SIP messages of a call, live or ended, without secrets; none when unknown."""
        return self._get(f"/calls/{quote(call_id, safe='')}/ladder", LADDER)

    def registrations(self) -> list[RegistrationView]:
        return self._get("/registrations", _REGISTRATIONS)

    def pbx(self, account: str, hosts: Sequence[str] = ()) -> PbxView:
        """What has been seen of the account's PBX; `hosts` are addresses that it is known to use besides."""
        query = urlencode([("host", host) for host in hosts])
        return self._get(f"/pbx/{quote(account, safe='')}?{query}", _PBX)

    def glance(self, account: str | None = None, hosts: Sequence[str] = ()) -> Glance:
        """What the first page shows: of everything, or of one account, whose PBX is known to use `hosts`
        besides."""
        asked = [] if account is None else [("account", account)]
        return self._get(f"/glance?{urlencode([*asked, *(('host', host) for host in hosts)])}", _GLANCE)

    def health(self, owner: str | None = None) -> list[TargetHealth]:
        """How endpoints and gateways have answered lately: up to `MAX_TARGETS`, or all of the number or
        carrier `owner`."""
        return self._get("/health" if owner is None else f"/health?{urlencode({'owner': owner})}", TARGETS)

    def ping(self, uri: str) -> PingAnswer:
        """Have the node send OPTIONS to a SIP URI."""
        return _PING.validate_json(self._send("POST", "/ping", params={"uri": uri}).content)

    def trial_call(self, e164: str) -> TrialCall:
        """Have the node call a number of ours with a phone of its own; takes up to half a minute."""
        response = self._send("POST", "/trial-call", params={"number": e164}, timeout_s=TRIAL_S)
        return _TRIAL.validate_json(response.content)

    def usage(self, account: str) -> Usage:
        """What an account has used of its limits."""
        return self._get(f"/usage/{quote(account, safe='')}", _USAGE)

    def bans(self) -> list[BanView]:
        return self._get("/bans", _BANS)

    def ban(self, source: str, reason: str, for_s: float) -> BanView:
        """Turn a source away for `for_s` seconds, as `net.flows.parse_source` names it. Raises
        `DirectoryError` for one that the node lets in unseen."""
        asked: dict[str, float | str] = {"source": source, "reason": reason, "for_s": for_s}
        return _BAN.validate_json(self._send("PUT", "/bans", params=asked).content)

    def lift_ban(self, source: str) -> bool:
        """Let a source address in again; False when it is not banned."""
        return self._done("DELETE", f"/bans/{quote(source, safe='')}")

    def drain(self, timeout_s: float | None = None) -> NodeStats:
        """Have the node take no new calls and stop after the last one, or after `timeout_s`."""
        query: dict[str, float | str] = {} if timeout_s is None else {"timeout_s": timeout_s}
        return _STATS.validate_json(self._send("POST", "/drain", params=query).content)

    def refresh_directory(self) -> DirectoryStats:
        """Have the node read accounts, numbers, carriers and routes from the database now."""
        return _DIRECTORY.validate_json(self._send("POST", "/directory/refresh").content)

    def explain(self, question: Question) -> Explanation:
        """What would happen to a call now."""
        content = _QUESTION.dump_json(question)
        return _EXPLANATION.validate_json(self._send("POST", "/explain", content=content).content)

    def media_ports(self) -> MediaPorts:
        return self._get("/media-ports", _MEDIA_PORTS)

    def _get(self, path: str, shape: TypeAdapter[_T]) -> _T:
        return shape.validate_json(self._send("GET", path).content)

    def _done(self, method: str, path: str) -> bool:
        return self._send(method, path, missing=True).status_code != 404

    def _send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        params: dict[str, float | str] | None = None,
        missing: bool = False,
        timeout_s: float | None = None,
    ) -> httpx.Response:
        """Send one request; `missing`: a 404 is an answer, not an error; `timeout_s`: not the usual one."""
        headers = {"Content-Type": "application/json"} if content is not None else None
        with self._reporting():
            response = self._client.request(
                method,
                path,
                content=content,
                params=params,
                headers=headers,
                timeout=httpx.USE_CLIENT_DEFAULT if timeout_s is None else timeout_s,
            )
        if not (missing and response.status_code == 404):
            self._check(response)
        return response

    def _check(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        try:
            detail = str(response.json()["detail"])
        except (ValueError, KeyError, TypeError):
            detail = response.text
        if response.status_code == 409:
            raise DirectoryError(detail)
        raise ControlError(f"the node answered {response.status_code}: {detail}")

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectError as error:
            raise NoNodeError(f"no node answers at {self._path}") from error
        except httpx.TransportError as error:
            raise ControlError(f"the node at {self._path} went away: {error}") from error
