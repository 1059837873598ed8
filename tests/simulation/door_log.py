"""Who came to a doorman, as it tells: every event in a list of its own."""

from trunkline.sip.ports import Flow


class DoorLog:
    """`DoorEvents` that are only noted: hosts, user names, realms."""

    def __init__(self) -> None:
        self.right: list[str] = []
        self.wrong: list[tuple[str, str]] = []
        self.stray: list[tuple[str, str, str]] = []
        self.without: list[tuple[str, str]] = []

    def signed_in(self, flow: Flow) -> None:
        self.right.append(flow.remote.host)

    def password_wrong(self, flow: Flow, username: str) -> None:
        self.wrong.append((flow.remote.host, username))

    def other_realm_answered(self, flow: Flow, username: str, realm: str) -> None:
        self.stray.append((flow.remote.host, username, realm))

    def came_without(self, flow: Flow, username: str) -> None:
        self.without.append((flow.remote.host, username))
