"""Options that accounts and carriers share: how audio is agreed on with them."""

from typing import Annotated

import typer

from trunkline.trunk.media_policy import DtmfMode, SrtpPolicy

Transcoding = Annotated[
    bool | None,
    typer.Option(help="Whether its audio may be transcoded where the other side shares none of its codecs."),
]
Srtp = Annotated[
    SrtpPolicy | None,
    typer.Option(
        help="Encrypted audio (SDES): 'allowed' where it is offered, 'required' always, or 'forbidden'."
    ),
]
Dtmf = Annotated[
    DtmfMode | None,
    typer.Option(
        help="How digits travel: 'auto' as telephone-events, else as tones; 'rfc4733' as telephone-events "
        "only; 'info' in INFO requests; 'inband' as tones, which are listened for."
    ),
]
