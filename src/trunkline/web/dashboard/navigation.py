"""Which pages there are, in which order, for whom."""

from dataclasses import dataclass

from trunkline.web.principal import Principal


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu."""

    title: str
    path: str
    operator: bool = False
    """For operators alone."""


@dataclass(frozen=True, slots=True)
class Group:
    """Some lines under a heading."""

    title: str
    entries: tuple[Entry, ...]


GROUPS = (
    Group("", (Entry("Overview", "/"),)),
    Group(
        "Products",
        (Entry("Numbers", "/numbers"), Entry("Calls", "/calls"), Entry("Connect a PBX", "/connect")),
    ),
    Group(
        "Network",
        (
            Entry("Addresses", "/addresses"),
            Entry("Registrations", "/registrations"),
            Entry("Nodes", "/nodes", operator=True),
            Entry("Carriers", "/carriers", operator=True),
            Entry("Routes", "/routes", operator=True),
            Entry("Bans", "/bans", operator=True),
        ),
    ),
    Group(
        "Account",
        (
            Entry("Customers", "/customers", operator=True),
            Entry("Users", "/users", operator=True),
            Entry("Credentials", "/credentials"),
            Entry("Webhooks", "/webhooks"),
            Entry("Limits & fraud", "/limits"),
            Entry("Audit log", "/audit"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """One group as a principal sees it."""

    title: str
    entries: tuple[Entry, ...]
    current: Entry | None
    """The one whose page this is."""


def menu(principal: Principal, path: str) -> tuple[Shown, ...]:
    """The groups for `principal`, who looks at `path`."""
    shown = []
    for group in GROUPS:
        entries = tuple(entry for entry in group.entries if principal.operator or not entry.operator)
        if entries:
            here = next((entry for entry in entries if _within(path, entry.path)), None)
            shown.append(Shown(group.title, entries, here))
    return tuple(shown)


def _within(path: str, entry: str) -> bool:
    return path == entry or (entry != "/" and path.startswith(f"{entry}/"))
