"""What would happen to a call, and what an error id means."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path

from trunkline.call.record import Direction
from trunkline.store.errors import NotFoundError
from trunkline.trunk.verdict import Slug
from trunkline.web.api.front import AtDesk
from trunkline.web.api.models.base import KEY
from trunkline.web.api.models.call import SLUGS, ErrorIdList, ErrorIdView
from trunkline.web.api.models.network import ExplanationView, QuestionBody
from trunkline.web.views import Question

router = APIRouter(prefix="/v1", tags=["Explain"])


@router.post("/explain")
def explain(desk: AtDesk, body: QuestionBody) -> ExplanationView:
    """Say what would happen to a call now, without placing one: a customer's own, or to an own number."""
    question = Question(body.direction, body.called, body.account, body.caller)
    if question.direction is Direction.OUTBOUND and question.account is None:
        question = replace(question, account=desk.principal.account)
    answer = desk.network.explain(question)
    return ExplanationView(
        placed=not answer.verdict,
        steps=answer.steps,
        verdict=answer.verdict or None,
        status=answer.status,
        text=answer.text,
        remedy=answer.remedy,
    )


@router.get("/error-ids")
def list_error_ids(desk: AtDesk) -> ErrorIdList:  # noqa: ARG001 - whoever asks has to be signed in
    """Every way a call can end, what it means, and what to change."""
    return ErrorIdList(items=[ErrorIdView.of(slug) for slug in Slug])


@router.get("/error-ids/{error_id}")
def get_error_id(
    desk: AtDesk,  # noqa: ARG001
    error_id: Annotated[str, Path(pattern=KEY, examples=["no-route"])],
) -> ErrorIdView:
    """What an error id means."""
    slug = SLUGS.get(error_id)
    if slug is None:
        raise NotFoundError("error id", error_id)
    return ErrorIdView.of(slug)
