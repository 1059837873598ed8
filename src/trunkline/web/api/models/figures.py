"""Figures of calls over time, and of limits used."""

from datetime import UTC, datetime

from pydantic import Field

from trunkline.store.figures import Stretch
from trunkline.trunk.fraud import AlarmKind
from trunkline.web.api.models.base import Body


class StretchView(Body):
    """The calls that were set up within one of several equal stretches of time."""

    began_at: datetime = Field(examples=["2026-03-14T09:00:00Z"])
    calls: int = Field(description="All of them: answered, not answered, under way.", examples=[128])
    unanswered: dict[str, int] = Field(
        description="Those that ended without an answer, by error id.", examples=[{"busy": 7, "no-route": 1}]
    )
    mos: float | None = Field(description="Mean listening quality, 1.0 to 4.5.", examples=[4.3])

    @classmethod
    def of(cls, stretch: Stretch) -> "StretchView":
        return cls(
            began_at=datetime.fromtimestamp(stretch.began_at, UTC),
            calls=stretch.calls,
            unanswered={str(slug): count for slug, count in stretch.unanswered.items()},
            mos=stretch.mos,
        )


class StretchList(Body):
    """The stretches, oldest first."""

    items: list[StretchView]


class UsedView(Body):
    """What an account has used of its limits, running calls included."""

    calls: int = Field(description="Outbound calls up now.", examples=[12])
    inbound: int = Field(description="Calls to its numbers up now.", examples=[7])
    minutes: float = Field(description="Answered outbound minutes of the present UTC day.", examples=[341.5])
    cost: float = Field(description="What those cost, by the prices of the routes.", examples=[4.1])


class AlarmView(Body):
    """A call that looked like fraud."""

    account: str = Field(examples=["trunk1"])
    kind: AlarmKind = Field(description="A first call to a country, or far more calls than usual.")
    raised_at: datetime = Field(examples=["2026-03-14T09:26:53.589793Z"])
    called: str = Field(description="The number of that call.", examples=["37167012345"])
    detail: str = Field(description="In words.", examples=["the first call to +371"])
    blocked: bool = Field(description="Whether it blocked the account.")


class AlarmList(Body):
    """Alarms, newest first."""

    items: list[AlarmView]
