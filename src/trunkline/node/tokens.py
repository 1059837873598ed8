"""Where a node takes its chance from: the kernel's random source, in pieces large enough to be cheap."""

import os
import random
from collections.abc import Callable, Iterator, Sequence

from trunkline.sdp.crypto import KEY_AND_SALT_OCTETS

_POOL_BYTES = 4096
_DIGITS = 16


def token_source() -> Callable[[], str]:
    """A function that gives 16 fresh random hexadecimal digits (64 bits) at each call."""
    return _tokens().__next__


def _tokens() -> Iterator[str]:
    while True:
        pool = os.urandom(_POOL_BYTES).hex()
        for start in range(0, len(pool), _DIGITS):
            yield pool[start : start + _DIGITS]


def srtp_key() -> bytes:
    """A master key and master salt (RFC 4568 §6.1): 30 octets that nobody can guess, never from a pool."""
    return os.urandom(KEY_AND_SALT_OCTETS)


def weighted_pick(weights: Sequence[int]) -> int:
    """An index with a probability in proportion to the weights; all alike where all are 0
    (`trunk.routes.Pick`).
    """
    if not any(weights):
        return random.randrange(len(weights))
    return random.choices(range(len(weights)), weights)[0]
