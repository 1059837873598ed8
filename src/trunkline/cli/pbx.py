"""`trunkline pbx`: the configuration of a customer's PBX, complete and filled in; and whether it has come."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from trunkline.cli.installation import Installation, installation
from trunkline.cli.output import Json, examples, print_json, say, say_aside
from trunkline.errors import ConfigError
from trunkline.pbx.sighting import Finding, State, findings
from trunkline.pbx.writer import ConfigFile, Kind, about, title, write
from trunkline.web.pbx_setup import check_secret, sighting, trunk_facts

LOOK_EVERY_S = 1.0
"""`pbx check` looks again this often."""

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Write the configuration of a customer's PBX, filled in."
)


def _command(kind: Kind) -> Callable[..., None]:
    def command(
        context: typer.Context,
        account: Annotated[str, typer.Option(metavar="KEY", help="Whose PBX it is: the account's API key.")],
        secret: Annotated[
            str | None, typer.Option(help="The account's secret. Asked for at a terminal when left out.")
        ] = None,
        new_secret: Annotated[
            bool,
            typer.Option("--new-secret", help="Give the account a new secret; the old one works for a day."),
        ] = False,
        number: Annotated[
            str | None, typer.Option(help="The account's number to show. Default: the first.")
        ] = None,
        pbx_port: Annotated[
            int | None, typer.Option(min=1, max=65535, help="Where the PBX listens. Default: as usual.")
        ] = None,
        tls: Annotated[bool, typer.Option("--tls", help="Signalling over TLS.")] = False,
        srtp: Annotated[bool, typer.Option("--srtp", help="Audio over SRTP; needs --tls.")] = False,
        out: Annotated[
            Path | None, typer.Option(metavar="DIR", help="Write the files there instead of printing them.")
        ] = None,
        as_json: Json = False,
    ) -> None:
        here = installation(context)
        facts = trunk_facts(
            here.settings, here.store, account, tls=tls, srtp=srtp, number=number, pbx_port=pbx_port
        )
        if out is not None:
            # Before a new secret is made, which nobody would learn where they can't be written.
            for file in write(kind, facts):
                _make(out / file.name)
        facts = replace(facts, secret=_secret(here, account, secret, new_secret=new_secret))
        check_secret(here.store, account, facts.secret)
        files = write(kind, facts)
        if kind is Kind.FREESWITCH and "SHA-256" in here.settings.service.digest:
            say_aside('FreeSWITCH gives up at a challenge with SHA-256: set service.digest = ["MD5"].')
        if out is not None:
            _put(files, out)
        elif as_json:
            print_json([{"name": file.name, "place": file.place, "text": file.text} for file in files])
        else:
            for file in files:
                say(f"==> {file.name}: {file.place}\n")
                typer.echo(file.text)

    command.__doc__ = f"{title(kind)}. {about(kind)}"
    return command


for _kind in Kind:
    app.command(
        _kind.value,
        epilog=examples(
            f"trunkline pbx {_kind} --account KEY --secret SECRET",
            f"trunkline pbx {_kind} --account KEY --new-secret --tls --srtp --out DIR",
        ),
    )(_command(_kind))


@app.command(
    "check",
    epilog=examples("trunkline pbx check --account KEY", "trunkline pbx check --account KEY --wait 300"),
)
def check(
    context: typer.Context,
    account: Annotated[str, typer.Option(metavar="KEY", help="Whose PBX it is: the account's API key.")],
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to watch, saying what changes; 0: look once.")
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Say what has been seen of a PBX, and what is wrong: password, registration, health, calls, NAT, audio.

    Exit status 1 when something is wrong.
    """
    here = installation(context)
    deadline = time.monotonic() + wait
    told: list[Finding] = []
    with here.control() as node:
        while True:
            seen = findings(sighting(here.store, node, account, time.time()))
            if not as_json:
                for one in seen:
                    if one not in told:
                        _tell(one)
            told = seen
            if time.monotonic() >= deadline:
                break
            time.sleep(LOOK_EVERY_S)
    if as_json:
        print_json([asdict(one) for one in told])
    if any(one.state is State.WRONG for one in told):
        raise typer.Exit(1)


_SIGNS = {State.GOOD: "fine", State.WARNING: "warning", State.WRONG: "wrong", State.WAITING: "waiting"}


def _tell(finding: Finding) -> None:
    say(f"{_SIGNS[finding.state]:<8} {finding.name}: {finding.said}")
    if finding.remedy and finding.state is not State.GOOD:
        say(f"         {finding.remedy}")


def _secret(here: Installation, key: str, given: str | None, *, new_secret: bool) -> str:
    """The secret to write down: only its digest is stored, so somebody has to say it, or take a new one."""
    if given is not None and new_secret:
        raise ConfigError("--secret and --new-secret exclude each other")
    if new_secret:
        made = here.store.accounts.rotate_secret(key)
        here.changed()
        say_aside("The account has a new secret; the old one works for another day.")
        return made
    if given is None:
        if not typer.get_text_stream("stdin").isatty():
            raise ConfigError("only the digest of a secret is stored: give --secret, or take --new-secret")
        given = str(typer.prompt(f"Secret of {key}", hide_input=True))
    return given


def _make(path: Path) -> None:
    """An empty file there where there is none, for its owner alone: it will hold the secret."""
    with _written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.open("ab").close()


def _put(files: tuple[ConfigFile, ...], folder: Path) -> None:
    for file in files:
        path = folder / file.name
        with _written(path):
            path.write_text(file.text, encoding="utf-8")
        say(f"{path}\n    {file.place}")


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{path} can't be written: {error.strerror or error}") from error
