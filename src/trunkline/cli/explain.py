"""`trunkline explain`: what would happen to a call, or what an error id means."""

from typing import Annotated

import typer

from trunkline.call.record import Direction
from trunkline.cli.installation import Installation, installation
from trunkline.cli.output import Json, examples, print_card, print_json, say
from trunkline.errors import DirectoryError
from trunkline.store.directory_source import DirectorySource
from trunkline.trunk.directory import Directory
from trunkline.trunk.e164 import number_or_none
from trunkline.trunk.explain import Answer, explain_inbound, explain_outbound
from trunkline.trunk.gateway_addresses import NONE_BARRED, gateway_uris, places_of
from trunkline.trunk.verdict import Slug
from trunkline.web.control_client import NoNodeError
from trunkline.web.views import Explanation, Question

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "trunkline explain trunk1 +493012345678 (a customer's call)",
        "trunkline explain +493012345678 +442079460123 (a call to one of our numbers)",
        "trunkline explain no-route (an error id)",
    )
)
def explain(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FROM", help="An account key (outbound), a caller's number (inbound), or an error id."
        ),
    ],
    to: Annotated[str | None, typer.Argument(metavar="TO", help="The number that would be called.")] = None,
    caller: Annotated[str | None, typer.Option(help="The caller ID of an outbound call.")] = None,
    as_json: Json = False,
) -> None:
    """Say what would happen to a call, or what an error id means.

    No call is placed; the running node decides as it would for a real one.
    """
    here = installation(context)
    if to is None:
        _explain_slug(source, as_json)
    elif any(account.key == source for account in here.store.accounts.list()):
        _print(_ask(here, Question(Direction.OUTBOUND, to, source, caller)), as_json)
    elif number_or_none(source) is not None:
        explain_number(here, to, source, as_json)
    else:
        raise DirectoryError(f"{source!r} is neither an account key nor a caller's number")


def explain_number(here: Installation, number: str, caller: str | None, as_json: bool) -> None:
    """What would happen to a call to one of our numbers. Exit status 1 when it would be refused."""
    _print(_ask(here, Question(Direction.INBOUND, number, None, caller)), as_json)


def _explain_slug(text: str, as_json: bool) -> None:
    slug = next((slug for slug in Slug if str(slug) == text), None)
    if slug is None:
        raise DirectoryError(f"{text!r} is no error id; to explain a call, name FROM and TO")
    kind = slug.value
    card = {
        "id": text,
        "fault": kind.fault.value,
        "status": kind.status,
        "means": kind.text,
        "remedy": kind.remedy,
    }
    print_card(card, as_json)


def _ask(here: Installation, question: Question) -> Explanation:
    """The running node knows health, limits and registrations; without one, the database has to do."""
    try:
        with here.control() as node:
            return node.explain(question)
    except NoNodeError:
        return _without_node(here, question)


def _without_node(here: Installation, question: Question) -> Explanation:
    settings = here.settings
    source = DirectorySource(here.store.database, here.store.keyring, settings.directory_file)
    directory = Directory(source.load())
    domain, needs_tls = settings.service.domain, settings.media.srtp_needs_tls
    if question.direction is Direction.OUTBOUND:
        answer = explain_outbound(
            directory,
            question.account or "",
            question.called,
            question.caller,
            service_domain=domain,
            guarded=settings.limits.guarded_prefixes,
            srtp_needs_tls=needs_tls,
        )
    else:
        answer = explain_inbound(
            directory,
            question.called,
            question.caller,
            service_domain=domain,
            srtp_needs_tls=needs_tls,
            barred=NONE_BARRED if settings.forwarding.to_gateways else places_of(gateway_uris(directory)),
        )
    noted = ("No node is running: health, limits and registrations are not known.", *answer.steps)
    return _explanation(Answer(noted, answer.refusal))


def _explanation(answer: Answer) -> Explanation:
    refusal = answer.refusal
    if refusal is None:
        return Explanation(answer.steps)
    return Explanation(answer.steps, str(refusal.slug), refusal.status, refusal.text, refusal.remedy)


def _print(explanation: Explanation, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "placed": not explanation.verdict,
                "steps": list(explanation.steps),
                "verdict": explanation.verdict or None,
                "status": explanation.status,
                "text": explanation.text,
                "remedy": explanation.remedy,
            }
        )
    else:
        for step in explanation.steps:
            say(f"- {step}")
        if explanation.verdict:
            why = f"{explanation.text} {explanation.remedy}".rstrip()
            say(f"Refused with {explanation.status} ({explanation.verdict}): {why}")
        else:
            say("The call would be placed.")
    if explanation.verdict:
        raise typer.Exit(1)
