"""Where a registered device is in the middle of a call: it may have come back by another connection than the
one that its call began on, and a request within the dialog (a BYE, a hold) has to find it there.

RFC 5626 §7 sends a request for the device over the flow of its newest registration (§6); here it is the same
with those in a dialog, whose route would end in a connection that there is no more, or that nobody reads any
more. Only a peer that was on the flow of a registration of the call's own account when the call was answered
is a device: a Contact alone proves nothing.

What the device itself sends within the dialog counts for more: its last request says where it is
(`trunkline.sip.dialog`).
"""

from collections.abc import Iterable

from trunkline.sip.ports import Flow, Transport
from trunkline.sip.uri import SipUri
from trunkline.sip.usage import Usage
from trunkline.trunk.registrations import Binding, Contact, Registrations, same_device


class DeviceWhereabouts:
    """Of one device of an account. `sip.ports.Whereabouts` of its dialog."""

    __slots__ = ("_account", "_instance", "_registered", "_registrations")

    def __init__(self, registrations: Registrations, account: str, binding: Binding) -> None:
        self._registrations = registrations
        self._account = account
        self._instance = binding.instance
        self._registered = binding.flow

    def flow_now(self, flow: Flow, target: SipUri) -> Flow:
        """`flow`, unless it has closed, or the device has left it: then the one that it has registered over
        since, if there is one. A device that had TLS is sought by TLS alone.
        """
        if not flow.closed and flow != self._registered:
            return flow
        device = Contact(target, instance=self._instance)
        found = [each for each in self._registrations.bindings(self._account) if same_device(each, device)]
        flows = [each.flow for each in found if each.flow is not None and not each.flow.closed]
        if flow in flows:
            return flow
        for now in flows:
            if now.transport is Transport.TLS or flow.transport is not Transport.TLS:
                self._registered = now
                return now
        return flow


def follow(registrations: Registrations, account: str | None, usage: Usage | None) -> None:
    """Let requests in the dialog of `usage` find its peer, if that is a device of `account`."""
    if account is None or usage is None or usage.dialog.flow is None:
        return
    binding = _on(registrations.bindings(account), usage.dialog.flow, usage.dialog.remote_target)
    if binding is not None:
        usage.dialog.whereabouts = DeviceWhereabouts(registrations, account, binding)


def _on(bindings: Iterable[Binding], flow: Flow, target: SipUri) -> Binding | None:
    """Of those that were registered over `flow` the one with that Contact, or the only one."""
    there = [binding for binding in bindings if binding.flow == flow]
    named = [binding for binding in there if binding.uri.equivalent(target)] or there
    return named[0] if len(named) == 1 else None
