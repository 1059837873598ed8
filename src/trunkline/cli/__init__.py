"""The `trunkline` command."""

import sys

from trunkline.cli.app import app
from trunkline.cli.denied import denied
from trunkline.errors import TrunklineError


def main() -> None:
    """Run the command line. Errors made on purpose, and files that can't be had, are one line on standard
    error, and exit status 1.
    """
    try:
        app(prog_name="trunkline")
    except TrunklineError as error:
        sys.stderr.write(f"trunkline: {error}{denied(error)}\n")
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        sys.stderr.write(f"trunkline: {error.filename}: {error.strerror}{denied(error)}\n")
        sys.exit(1)


__all__ = ["main"]
