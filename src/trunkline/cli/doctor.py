"""`trunkline doctor`: what is wrong, or could be, and what to do about it."""

from collections.abc import Callable

import typer

from trunkline.cli.checks import Findings, State
from trunkline.cli.checks.certificate import check_authorities, check_certificate
from trunkline.cli.checks.data import check_data_dir, check_store
from trunkline.cli.checks.live import check_live
from trunkline.cli.checks.media import check_media
from trunkline.cli.checks.network import (
    check_addresses,
    check_clock,
    check_collector,
    check_dns,
    check_http,
    check_ports,
)
from trunkline.cli.installation import installation
from trunkline.cli.output import Json, examples, print_json, say
from trunkline.config import Settings

app = typer.Typer(add_completion=False)
_CHECKS: tuple[Callable[[Settings], Findings], ...] = (
    check_store,
    check_data_dir,
    check_ports,
    check_http,
    check_addresses,
    check_certificate,
    check_authorities,
    check_clock,
    check_dns,
    check_media,
    check_live,
    check_collector,
)


@app.command(epilog=examples("trunkline doctor", "trunkline doctor --json"))
def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Look for what is wrong, and say what to do about it.

    Looks at the database, data directory, ports, addresses, certificate, clock, DNS, media and codecs. Exit
    status 1 on a fault.
    """
    here = installation(context)
    findings = [finding for check in _CHECKS for finding in check(here.settings)]
    if as_json:
        print_json(
            [
                {"about": f.about, "state": f.state.value, "found": f.found, "remedy": f.remedy}
                for f in findings
            ]
        )
    else:
        for finding in findings:
            say(f"{finding.state.value:<8} {finding.about}: {finding.found}")
            if finding.remedy:
                say(f"         {finding.remedy}")
    if any(finding.state is State.FAULT for finding in findings):
        raise typer.Exit(1)
