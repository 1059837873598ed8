"""Parameters that several operations have."""

from typing import Annotated

from fastapi import Path, Query

from trunkline.web.api.models.base import KEY, NUMBER, PRINTABLE

KeyPath = Annotated[str, Path(pattern=KEY, description="The account's API key.", examples=["trunk1"])]
NumberPath = Annotated[
    str, Path(pattern=NUMBER, description="In E.164, with or without +.", examples=["442079460123"])
]
NamePath = Annotated[str, Path(pattern=KEY, description="The carrier's name.", examples=["upstream"])]
CallPath = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9_.-]{1,128}$", description="The call's id.", examples=["9f3c2a7be1"])
]
Position = Annotated[int, Path(ge=1, le=1000, description="Its place in the list, from 1.", examples=[1])]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many to answer at most.")]
After = Annotated[
    str, Query(max_length=64, pattern=r"^[A-Za-z0-9_.-]*$", description="`next` of the page before.")
]
Cursor = Annotated[
    str | None, Query(max_length=200, pattern=PRINTABLE, description="`next` of the page before.")
]
AccountQuery = Annotated[
    str | None, Query(pattern=KEY, description="Only those of this account.", examples=["trunk1"])
]
