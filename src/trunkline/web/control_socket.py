"""The control socket as a file: made by the node, found by the command line.

Only the node's own user (and root) may open it, and that is all the protection it has.
"""

import os
import socket
from pathlib import Path

from trunkline.errors import NetError

BACKLOG = 128
"""Beyond it whoever has a time-out is refused at once (connect(2), EAGAIN), not kept waiting."""


def listen_unix(path: Path) -> socket.socket:
    """Listen on a socket file that only its owner may open, replacing one that a dead node left.

    Raises `NetError`, also when a living node listens there.
    """
    check_unanswered(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        # Nobody can connect between the two lines: the socket does not listen yet.
        path.chmod(0o600)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _cant_be_made(path, error) from _named(path, error)
    return listener


def check_unanswered(path: Path) -> None:
    """Raise `NetError` where a living node listens at `path`, or it can't be found out whether one does."""
    try:
        answered = is_answered(path)
    except OSError as error:
        raise _cant_be_made(path, error) from _named(path, error)
    if answered:
        raise NetError(f"another node listens at {path}: this installation runs already")


def _cant_be_made(path: Path, error: OSError) -> NetError:
    return NetError(f"the control socket {path} can't be made: {error.strerror or error}{_remedy(path)}")


def _named(path: Path, error: OSError) -> OSError:
    return OSError(error.errno, error.strerror, str(path))


def _remedy(path: Path) -> str:
    """What helps where the file is another user's, as root's is after a start by hand; "" where it is not."""
    try:
        owner = path.stat().st_uid
    except OSError:
        return ""
    if owner == os.geteuid():
        return ""
    return f"; a node of another user (uid {owner}) left it: stop that one if it runs, then remove the file"


def is_answered(path: Path) -> bool:
    """Say whether a process listens at `path`. Raises OSError when that can't be found out."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True
