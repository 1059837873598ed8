"""A device that has registered at one node is known to all: each of its bindings is a notice of its own,
kept until it ends. A binding of another node has a `lent_flows.BorrowedFlow`: a call to it leaves by the node
that it registered at; or it has a path (RFC 3327), which leads there from every node.

The newest REGISTER of a device counts, wherever it came; the node that had it before lets it go. What this
node writes down for its own next start are the devices that registered here.
"""

import json
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from trunkline.call.ports import RegistrationSink
from trunkline.clock import Clock
from trunkline.live.board import Board
from trunkline.live.words import Notice, Tell
from trunkline.node.lent_flows import BorrowedFlow, LentFlows
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.ports import Address, Transport
from trunkline.sip.uri import SipUri
from trunkline.trunk.registrations import Binding, Registrations

KIND = "binding"


class SharedRegistrations:
    """The registrar's `RegistrationSink` in front of `sink`, which is told of this node's bindings only."""

    def __init__(
        self,
        board: Board,
        flows: LentFlows,
        registrations: Registrations,
        sink: RegistrationSink,
        clock: Clock,
        node: str,
    ) -> None:
        self._board = board
        self._flows = flows
        self._registrations = registrations
        self._sink = sink
        self._clock = clock
        self._node = node
        self._told: dict[str, dict[str, Binding]] = {}
        """By account and key: what this node has made known."""
        self._here: set[str] = set()
        """Accounts with devices that registered here."""
        self._paths: dict[str, Binding] = {}
        """By key: bindings with a path that another node made known."""
        self._stale: set[str] = set()
        """Keys under which an earlier run of this node is still known."""
        board.listen(KIND, self._heard, self._reconcile)

    def bindings_changed(self, account: str, bindings: tuple[Binding, ...]) -> None:
        """See `call.ports.RegistrationSink`."""
        here = tuple(one for one in bindings if not self._is_anothers(account, one))
        if here or account in self._here:
            self._sink.bindings_changed(account, here)
            (self._here.add if here else self._here.discard)(account)
        before = self._told.pop(account, {})
        own = {_key(account, one): one for one in here if one.path or one.flow is not None}
        elsewhere = {_key(account, one) for one in bindings if one not in here}
        if own:
            self._told[account] = own
        for key, binding in own.items():
            self._paths.pop(key, None)
            if before.get(key) is not binding:
                self._board.tell(self._notice(key, binding, again=False))
        for key in before.keys() - own.keys() - elsewhere:
            self._board.tell(Tell(KIND, key, for_s=0))

    def _notice(self, key: str, binding: Binding, *, again: bool) -> Tell:
        values = {
            "node": self._node,
            **self._way_to(binding),
            "uri": str(binding.uri),
            "q": binding.q,
            "call_id": binding.call_id,
            "cseq": binding.cseq,
            "instance": binding.instance,
            "source": binding.source,
            "user_agent": binding.user_agent,
            "fronted": binding.fronted,
            "secret": binding.secret,
        }
        return Tell(KIND, key, json.dumps(values), max(0.0, binding.deadline - self._clock.now()), again)

    def _way_to(self, binding: Binding) -> Mapping[str, object]:
        flow = binding.flow
        if flow is None:
            return {"path": binding.path}
        return {
            "token": self._flows.lend(flow),
            "transport": str(flow.transport),
            "host": flow.remote.host,
            "port": flow.remote.port,
        }

    def _heard(self, notice: Notice) -> None:
        account, _, _ = notice.key.partition(" ")
        if not notice.for_s:
            self._drop(account, notice.key)
            return
        try:
            values = json.loads(notice.text)
            node = str(values["node"])
            if node == self._node:
                self._stale.add(notice.key)
                return
            path = tuple(str(NameAddr.parse(value)) for value in values.get("path", ()))
            flow = None if path else self._flow_of(node, values)
            binding = Binding(
                SipUri.parse(values["uri"]),
                int(values["q"]),
                self._clock.now() + notice.for_s,
                str(values["call_id"]),
                int(values["cseq"]),
                flow,
                str(values["instance"]),
                str(values["source"]),
                str(values["user_agent"]),
                path,
                bool(values.get("fronted", False)),
                str(values.get("secret", "")),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"no binding: {error!r}") from None
        if path:
            self._paths[notice.key] = binding
        if path or flow is not None:
            self._registrations.take_over(account, binding)
            if account in self._here:
                self.bindings_changed(account, self._registrations.bindings(account))

    def _flow_of(self, node: str, values: Mapping[str, Any]) -> BorrowedFlow | None:
        remote = Address(str(values["host"]), int(values["port"]))
        return self._flows.borrow(node, str(values["token"]), Transport(values["transport"]), remote)

    def _drop(self, account: str, key: str) -> None:
        for binding in self._registrations.bindings(account):
            if self._is_anothers(account, binding) and _key(account, binding) == key:
                self._registrations.remove(account, binding)
        self._paths.pop(key, None)

    def _reconcile(self, kept: AbstractSet[str], fresh: bool) -> Iterable[Tell]:
        """Own bindings are known here alone; of the others', what is not kept has gone."""
        told = [
            self._notice(key, one, again=key not in self._stale)
            for own in self._told.values()
            for key, one in own.items()
        ]
        ours = {notice.key for notice in told}
        told += [Tell(KIND, key, for_s=0) for key in self._stale - ours]
        self._stale.clear()
        if not fresh:
            for account in list(self._registrations.accounts()):
                for binding in self._registrations.bindings(account):
                    if self._is_anothers(account, binding) and _key(account, binding) not in kept:
                        self._registrations.remove(account, binding)
            self._paths = {key: one for key, one in self._paths.items() if key in kept}
        return told

    def _is_anothers(self, account: str, binding: Binding) -> bool:
        """Whether it registered at another node."""
        if binding.path:
            known = self._paths.get(_key(account, binding))
            return known is not None and (known.call_id, known.cseq) == (binding.call_id, binding.cseq)
        return isinstance(binding.flow, BorrowedFlow)


def _key(account: str, binding: Binding) -> str:
    """Names a device of an account: as it names itself, or by its contact."""
    return f"{account} {binding.instance or binding.uri}"
