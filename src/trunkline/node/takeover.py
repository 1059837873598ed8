"""Calls that outlive their node (ADR 19): what this node leaves to the others of its answered calls, and how
it goes on with those of a node that has died. The other end of `live.checkpoints`.

A checkpoint is encrypted with the key that the nodes share for secrets at rest: it holds SRTP keys, and
nobody else who can write to the server can make this node take up a call.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import structlog
from pydantic import TypeAdapter, ValidationError

from trunkline.call.call import Call
from trunkline.call.checkpoint import CallCheckpoint, checkpoint, resume
from trunkline.call.ports import LastingMedia
from trunkline.call.record import Direction
from trunkline.errors import TrunklineError
from trunkline.live.checkpoints import Checkpoints, Kept
from trunkline.node.rooms import Rooms
from trunkline.sip.outbound_auth import DigestUser
from trunkline.store.errors import KeyFileError
from trunkline.trunk.account import Account
from trunkline.trunk.limits import Inbound

APART_S: Final = 0.005
"""Calls are taken up one after another: meanwhile the node has others to serve."""
_FORM: Final = TypeAdapter(tuple[int, CallCheckpoint])
_VERSION: Final = 1
"""Of `CallCheckpoint`: a node goes on with calls of its own version only."""


class Takeover:
    """Of the node with these `rooms`, whose media are at `media`. The `Keeper` of `checkpoints`."""

    def __init__(self, rooms: Rooms, media: LastingMedia, checkpoints: Checkpoints) -> None:
        self._rooms = rooms
        self._media = media
        self._checkpoints = checkpoints
        self._log = structlog.get_logger()
        self._free_at = 0.0
        self.total = 0
        """Calls of dead nodes that were gone on with here."""
        checkpoints.keeper = self
        rooms.records.checkpoints = checkpoints
        rooms.services.agreed = checkpoints.changed
        rooms.metrics.counter(
            "calls_taken_over", "Calls of dead nodes that this one went on with.", lambda: self.total
        )

    # -- live.checkpoints.Keeper -------------------------------------------------------------------

    @property
    def places(self) -> Sequence[str]:
        """See `Keeper`: none while this node takes no new calls."""
        return () if self._rooms.switch.draining else self._media.places

    def is_up(self, call_id: str) -> bool:
        """See `Keeper`."""
        return self._rooms.switch.call(call_id) is not None

    def checkpoint(self, call_id: str) -> Kept | None:
        """See `Keeper`."""
        call = self._rooms.switch.call(call_id)
        known = None if call is None else checkpoint(call, self._media)
        if known is None:
            return None
        try:
            text = _FORM.dump_json((_VERSION, known)).decode()
        except ValueError:  # a peer's header field that isn't UTF-8
            return None
        return Kept(known.media.place, self._rooms.store.keyring.encrypt(text))

    def claimed(self, call_id: str, text: str) -> None:
        """See `Keeper`: soon."""
        clock = self._rooms.clock
        self._free_at = max(self._free_at, clock.now()) + APART_S
        clock.at(self._free_at, partial(self._go_on, call_id, text))

    def taken(self, call_id: str) -> None:
        """See `Keeper`."""
        call = self._rooms.switch.call(call_id)
        if call is not None:
            self._log.warning("another node goes on with a call of this one", call_id=call_id)
            self._media.part_with(call.caller.media)
            call.part()
            self._rooms.records.call_left(call.record)

    # -- a call of a dead node ---------------------------------------------------------------------

    def _go_on(self, call_id: str, text: str) -> None:
        try:
            known = self._read(call_id, text)
            account = self._rooms.directory.account(known.record.account or "")
            if account is None:
                raise ValueError(f"no account {known.record.account!r}")
            self._rooms.switch.take_over(partial(self._resumed, known, account))
        except (TrunklineError, ValueError) as error:
            self._checkpoints.ended(call_id)
            self._log.error("a dead node's call is lost", call_id=call_id, reason=repr(error)[:300])
        else:
            self._rooms.writer.call_taken(known.record)
            self.total += 1
            self._log.warning(
                "goes on with a call of a dead node", call_id=call_id, dead_node=known.record.node
            )

    def _read(self, call_id: str, text: str) -> CallCheckpoint:
        """Raises `ValueError`."""
        try:
            version, known = _FORM.validate_json(self._rooms.store.keyring.decrypt(text, "a call"))
        except (KeyFileError, ValidationError) as error:
            raise ValueError(f"no checkpoint: {error}") from None
        if version != _VERSION or known.record.call_id != call_id:
            raise ValueError("no checkpoint of this call that this version reads")
        return known

    def _resumed(self, known: CallCheckpoint, account: Account, on_end: Callable[[Call], None]) -> Call:
        outbound = known.record.direction is Direction.OUTBOUND
        limits = self._rooms.limits
        if outbound:
            admission = limits.enter(account, self._rooms.price_of(known.record.called))
        else:
            admission = limits.enter(Inbound.of(account))
        try:
            return resume(
                self._rooms.services,
                known,
                self._media,
                account,
                admission,
                self._credentials(known) if outbound else None,
                on_end,
            )
        except BaseException:
            admission.release()
            raise

    def _credentials(self, known: CallCheckpoint) -> DigestUser | None:
        """What the carrier's challenges are answered with, as the directory has it now."""
        carrier = self._rooms.directory.carrier(known.attempt.carrier or "")
        own = None if carrier is None else carrier.credentials
        return None if own is None else DigestUser(own.user, own.secret, own.realm)
