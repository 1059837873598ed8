"""What is said of a port that can't be had."""

import errno
import os

import pytest

from trunkline.net.binding import why_not_bound


@pytest.mark.parametrize(
    ("number", "port", "says"),
    [
        (
            errno.EACCES,
            443,
            "Permission denied; ports below 1024 need the unit that `trunkline systemd` prints",
        ),
        (errno.EACCES, 5060, "Permission denied"),
        (
            errno.EADDRNOTAVAIL,
            5060,
            "Cannot assign requested address; this machine does not have that address",
        ),
        (errno.EADDRINUSE, 443, "Address already in use"),
    ],
)
def test_what_helps(number: int, port: int, says: str) -> None:
    assert why_not_bound(OSError(number, os.strerror(number)), port).startswith(says)
    assert ("; " in why_not_bound(OSError(number, os.strerror(number)), port)) == ("; " in says)
