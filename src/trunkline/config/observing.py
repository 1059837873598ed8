"""The settings of what a node lets others see of its work: its log, the SIP messages that it keeps, and those
that it copies to a collector.
"""

from typing import Literal

from pydantic import SecretStr

from trunkline.config.sections import Section, setting
from trunkline.config.values import HostAndPort


class Log(Section):
    """What the node writes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "The least that is written.", live=True
    )
    format: Literal["json", "console"] = setting("json", "json for machines, console for people.")


class Ladder(Section):
    """The SIP messages of each call, kept for `trunkline calls` and the dashboard."""

    keep_s: float = setting(604800.0, "How long messages are kept.", live=True, gt=0)
    max_bytes: int = setting(
        1_000_000_000, "Disk space for them; the oldest go first.", live=True, ge=1_000_000
    )


class Hep(Section):
    """Copies of all SIP messages for Homer, sngrep or another collector of HEP version 3, without the secrets
    in them. They go by UDP."""

    collector: HostAndPort | None = setting(
        None, "Where they are sent. Default: nowhere.", example='"homer.example.net:9060"'
    )
    capture_id: int = setting(2001, "The number that this node has at the collector.", ge=0, le=4_294_967_295)
    password: SecretStr | None = setting(
        None, "What the collector asks its agents for. It travels readable.", example='"PASSWORD"'
    )
