"""`trunkline pbx KIND`: the configuration of a customer's PBX, complete and filled in."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from trunkline.cli.installation import Installation, installation
from trunkline.cli.output import Json, examples, print_json, say, say_aside
from trunkline.config.values import SocketAddress
from trunkline.errors import ConfigError
from trunkline.node.edges import published_edges
from trunkline.pbx.trunk_facts import Edge, TrunkFacts
from trunkline.pbx.writer import ConfigFile, Kind, about, title, write
from trunkline.trunk.e164 import normalise

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Write the configuration of a customer's PBX, filled in."
)


def trunk_facts(
    here: Installation,
    key: str,
    *,
    tls: bool,
    srtp: bool,
    number: str | None = None,
    pbx_port: int | None = None,
) -> TrunkFacts:
    """What the PBX of account `key` has to know, but for the secret. Raises `TrunklineError`."""
    settings = here.settings
    account = here.store.accounts.get(key)
    owned = [one.e164 for one in here.store.numbers.list(key)]
    if number is not None:
        shown = normalise(number)
        owned = [shown, *(one for one in owned if one != shown)]
    sip = settings.sip
    domain = settings.service.domain
    return TrunkFacts(
        domain=domain,
        edges=tuple(Edge(f"{edge.name}.{domain}", edge.addresses) for edge in published_edges(settings)),
        key=key,
        numbers=tuple(owned),
        codecs=account.codecs,
        udp_port=_port(sip.udp),
        tcp_port=_port(sip.tcp),
        tls_port=_port(sip.tls),
        media_ports=(settings.media.port_min, settings.media.port_max),
        pbx_port=pbx_port,
        tls=tls,
        srtp=srtp,
    )


def _port(bound: Sequence[SocketAddress]) -> int | None:
    return bound[0].port if bound else None


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
        number: Annotated[str | None, typer.Option(help="The number to show. Default: the first.")] = None,
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
        facts = trunk_facts(here, account, tls=tls, srtp=srtp, number=number, pbx_port=pbx_port)
        facts = replace(facts, secret=_secret(here, account, secret, new_secret=new_secret))
        files = write(kind, facts)
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


def _secret(here: Installation, key: str, given: str | None, *, new_secret: bool) -> str:
    """The secret to write down: only its digest is stored, so somebody has to say it, or take a new one."""
    if given is not None and new_secret:
        raise ConfigError("--secret and --new-secret exclude each other")
    if new_secret:
        made = here.store.accounts.rotate_secret(key)
        here.changed()
        say_aside("The account has a new secret; the old one works for another day.")
        return made
    if given is not None:
        return given
    if not typer.get_text_stream("stdin").isatty():
        raise ConfigError("only the digest of a secret is stored: give --secret, or take --new-secret")
    return str(typer.prompt(f"Secret of {key}", hide_input=True))


def _put(files: tuple[ConfigFile, ...], folder: Path) -> None:
    """Write every file below `folder`, for its owner alone: they hold the secret."""
    for file in files:
        path = folder / file.name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(file.text, encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{path} can't be written: {error.strerror or error}") from error
        say(f"{path}\n    {file.place}")
