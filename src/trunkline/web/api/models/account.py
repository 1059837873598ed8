"""Accounts and their secrets."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from trunkline.sdp.codecs import CODEC_NAMES
from trunkline.store.accounts import DEFAULT_OVERLAP_S, MIN_SECRET_LENGTH
from trunkline.trunk.account import (
    MAX_COST,
    MAX_LIMIT,
    AccountStatus,
    AlarmAction,
    CallerIdPolicy,
    Ringback,
)
from trunkline.trunk.bounds import MAX_PREFIXES
from trunkline.trunk.media_policy import DtmfMode, SrtpPolicy
from trunkline.web.api.models.base import (
    Body,
    Flag,
    Key,
    Line,
    Number,
    Prefix,
    Real,
    Whole,
    without_defaults,
)

MAX_OVERLAP_S = 2_592_000.0

Limit = Annotated[Whole | None, Field(ge=0, le=MAX_LIMIT)]
Prefixes = Annotated[
    tuple[Annotated[Prefix, StringConstraints(min_length=1)], ...], Field(max_length=MAX_PREFIXES)
]
Secret = Annotated[
    str, StringConstraints(min_length=MIN_SECRET_LENGTH, max_length=128, pattern=r"^[\x21-\x7e]*$")
]


class AccountFields(Body):
    """What the operator decides about a customer."""

    name: Line = Field("", description="For people.", examples=["First customer"])
    status: AccountStatus = Field(
        AccountStatus.ACTIVE, description="A blocked account's calls are refused with 403."
    )
    caller_id_policy: CallerIdPolicy = Field(
        CallerIdPolicy.ANY,
        description="The caller ID it may present: any, an owned number, or always one.",
    )
    caller_id_number: Number | None = Field(
        None, description="In E.164: what `replace` presents.", examples=["442079460123"]
    )
    max_concurrent: Limit = Field(
        None, description="Outbound calls up at a time. null: no limit; 0: none at all.", examples=[30]
    )
    max_inbound: Limit = Field(
        None,
        description="Calls to its numbers up at a time; one more is answered 486. null: no limit; 0: none at "
        "all.",
        examples=[30],
    )
    max_per_second: Limit = Field(
        None, description="Outbound calls begun in any one second. null: no limit.", examples=[3]
    )
    minutes_per_day: Limit = Field(
        None, description="Answered outbound minutes in a UTC day. null: no limit.", examples=[600]
    )
    cost_per_day: Annotated[Real | None, Field(ge=0, le=MAX_COST)] = Field(
        None,
        description="What those may cost, by the prices of the routes. null: no limit. Calls that are up end "
        "when the minutes or the money of the day are used up.",
        examples=[20.0],
    )
    alarm: AlarmAction = Field(
        AlarmAction.NOTE,
        description="What comes of a call that looks like fraud: nothing, an alarm, or an alarm that blocks.",
    )
    allowed_prefixes: Prefixes = Field(
        (),
        description="E.164 prefixes that may be called. None: all but the guarded ones, which have to stand "
        "here by name.",
        examples=[["44", "49"]],
    )
    denied_prefixes: Prefixes = Field(
        (),
        description="E.164 prefixes that may not be called. The longer of two matching prefixes decides.",
        examples=[["4470"]],
    )
    codecs: Annotated[tuple[str, ...], Field(max_length=len(CODEC_NAMES))] = Field(
        CODEC_NAMES,
        description="What its side of a call may use, preferred first.",
        examples=[["PCMA", "PCMU"]],
    )
    transcoding: Flag = Field(True, description="Whether codecs that the far end lacks are translated.")
    srtp: SrtpPolicy = Field(SrtpPolicy.ALLOWED, description="Encrypted audio.")
    dtmf: DtmfMode = Field(DtmfMode.AUTO, description="How digits are sent to its PBX.")
    refer_enabled: Flag = Field(False, description="Whether it may transfer calls with REFER.")
    ringback: Ringback = Field(Ringback.FAR_END, description="Who tells the caller that it rings.")
    announcements: Flag = Field(False, description="Whether a refused caller hears why.")


class NewKey(Body):
    """What will name an account."""

    key: Key | None = Field(
        None, description="The API key: its digest user name. Default: a random one.", examples=["trunk1"]
    )
    secret: Secret | None = Field(None, description="The API secret. Default: a random one.")


class NewAccount(AccountFields, NewKey):
    """A customer to be."""


class AccountUpdate(AccountFields):
    """What to change about an account; fields left out stay."""

    model_config = ConfigDict(json_schema_extra=without_defaults)


class HasKey(Body):
    """What names an account."""

    key: str = Field(description="The API key.", examples=["trunk1"])


class AccountView(AccountFields, HasKey):
    """A customer."""


class MadeAccount(AccountView):
    """A customer, and the secret, which nothing shows again."""

    secret: str = Field(description="Shown once: only its digest is kept.", examples=["m4ryH4dALittleL4m"])


class AccountPage(Body):
    """Some accounts by key."""

    items: list[AccountView]
    next: str | None = Field(description="`after` of the page behind; null: that was the last.")


class NewSecret(Body):
    """One more secret beside those that the account has."""

    secret: Secret | None = Field(None, description="Default: a random one.")


class Rotation(NewSecret):
    """A new secret in place of those that the account has."""

    overlap_s: Real = Field(
        DEFAULT_OVERLAP_S,
        ge=0,
        le=MAX_OVERLAP_S,
        description="Seconds for which the old secrets still work; 0 ends them at once, and the tokens that "
        "the account has made with its key, but for the one that asks.",
    )


class SecretView(Body):
    """What can be told of a secret: never the secret."""

    id: int = Field(examples=[7])
    created_at: datetime = Field(examples=["2026-03-14T09:26:53.589793Z"])
    expires_at: datetime | None = Field(description="null: it does not expire.")


class SecretList(Body):
    """The secrets that work now, oldest first."""

    items: list[SecretView]


class MadeSecret(SecretView):
    """A secret just made, which nothing shows again."""

    secret: str = Field(examples=["m4ryH4dALittleL4m"])
