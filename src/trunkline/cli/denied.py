"""What helps where a file may not be had: whose it is, who asked, and what to do.

The rooms say what they could not do, and leave what the system said as the cause.
"""

import os
import pwd
from pathlib import Path


def denied(error: BaseException) -> str:
    """The end of a sentence, with its semicolon, for an error that came of a file that this user may not
    have; "" for every other one.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PermissionError) and cause.filename is not None:
            return _remedy(Path(os.fsdecode(cause.filename)).absolute())
        cause = cause.__cause__
    return ""


def _remedy(path: Path) -> str:
    user = os.geteuid()
    if user == 0:
        return ""
    for place in (path, *path.parents):
        try:
            owner = place.stat().st_uid
        except OSError:
            continue
        if owner == user:
            return f"; it is this user's own: chmod u+rw{'x' if place.is_dir() else ''} {place}"
        return (
            f"; {place} belongs to {_name(owner)}, and this runs as {_name(user)}: "
            f"run it as that user (sudo -u {_name(owner)} trunkline …), or chown {_name(user)} {place}"
        )
    return ""


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
