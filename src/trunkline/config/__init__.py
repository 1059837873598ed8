"""The settings of a node: one TOML file, overridden by `TRUNKLINE_…` environment variables.

`TRUNKLINE_SIP__UDP=0.0.0.0:5060,[::]:5060` is `udp` of `[sip]`: section and key joined by two underscores,
lists joined by commas (or written as JSON). `TRUNKLINE_CONFIG` names the file and is not a setting. What is
not here: accounts, numbers, carriers and routes live in the database (`trunkline.store`).
"""

from trunkline.config.file import Problem, SettingsError
from trunkline.config.sections import Edge
from trunkline.config.settings import Change, Settings, diff, reloaded, render_default
from trunkline.config.values import SocketAddress

__all__ = [
    "Change",
    "Edge",
    "Problem",
    "Settings",
    "SettingsError",
    "SocketAddress",
    "diff",
    "reloaded",
    "render_default",
]
