"""The `trunkline` command."""

import errno
import os
import sys

from trunkline.cli.app import app
from trunkline.cli.denied import denied
from trunkline.errors import TrunklineError

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))
"""What the system says of output that has no room, without naming a file."""


def main() -> None:
    """Run the command line. Errors made on purpose, and files that can't be had, are one line on standard
    error, and exit status 1.
    """
    for stream in ("stdout", "stderr"):
        if getattr(sys, stream) is None:
            # Closed by whoever started this: nobody wants to hear of it.
            setattr(sys, stream, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    for argument in sys.argv[1:]:
        if not _is_text(argument):
            sys.stderr.write(f"trunkline: {argument!a} is not UTF-8: type it in a terminal that is\n")
            sys.exit(2)
    try:
        app(prog_name="trunkline")
    except TrunklineError as error:
        sys.stderr.write(f"trunkline: {error}{denied(error)}\n")
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        if error.filename is None and error.errno in _FULL:
            sys.stderr.write(f"trunkline: the output can't be written: {error.strerror}\n")
            # What is left of it would be tried again at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.exit(1)
        if error.filename is None:
            raise
        sys.stderr.write(f"trunkline: {error.filename}: {error.strerror}{denied(error)}\n")
        sys.exit(1)


def _is_text(argument: str) -> bool:
    """Whether it is one; bytes that are not UTF-8 come as lone surrogates (PEP 383)."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


__all__ = ["main"]
