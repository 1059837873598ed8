"""Runs `trunkline` commands, one JSON array of arguments a line on standard input, one JSON answer a line on
standard output. The interpreter starts once for hundreds of commands; each command opens everything anew.
"""

import io
import json
import sys
from contextlib import redirect_stdout

import click

from trunkline.cli.app import app
from trunkline.errors import TrunklineError


def _run(arguments: list[str]) -> dict[str, object]:
    printed = io.StringIO()
    status, complaint = 0, ""
    with redirect_stdout(printed):
        try:
            result = app(arguments, standalone_mode=False)
            status = result if isinstance(result, int) else 0
        except (TrunklineError, click.ClickException) as error:
            status, complaint = 1, str(error)
        except SystemExit as error:
            status = int(error.code or 0)
    return {"status": status, "printed": printed.getvalue(), "complaint": complaint}


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_run(json.loads(line))) + "\n")
        sys.stdout.flush()
