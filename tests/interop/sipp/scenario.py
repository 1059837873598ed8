"""SIPp scenarios, step by step. `Caller` and `Callee` write the messages of the usual roles; what a scenario
is about is said with `headers`, `body` and the order of the steps.

SIPp's keywords stand in square brackets. A branch repeats in CANCEL and in the ACK of a refusal (RFC 3261
§9.1, §17.1.1.3): `[branch-N]` is the branch of the message N steps before.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.interop.audio import Voice
from tests.interop.node import DOMAIN

PROVISIONAL: Final = (100, 180, 183)


def sdp(voice: Voice, formats: str = "0 8 101", direction: str = "sendrecv", version: int = 1) -> str:
    """What a phone says of `voice` (RFC 8866): G.711 and telephone-event."""
    family = "IP6" if ":" in voice.host else "IP4"
    lines = [
        "v=0",
        f"o=phone 20518 {version} IN {family} {voice.host}",
        "s=-",
        f"c=IN {family} {voice.host}",
        "t=0 0",
        f"m=audio {voice.port} RTP/AVP {formats}",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        f"a={direction}",
    ]
    return "\n".join(lines)


def silent_sdp(host: str) -> str:
    """The description of a phone there that will say nothing."""
    lines = [
        "v=0",
        f"o=phone 1 1 IN IP4 {host}",
        "s=-",
        f"c=IN IP4 {host}",
        "t=0 0",
        "m=audio 30000 RTP/AVP 0 8",
    ]
    return "\n".join(lines)


class Scenario:
    """The steps so far."""

    def __init__(self) -> None:
        self._steps: list[str] = []

    def __len__(self) -> int:
        return len(self._steps)

    def write(self, path: Path) -> None:
        """The scenario file."""
        steps = "\n".join(self._steps)
        path.write_text(
            f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{path.stem}">\n{steps}\n</scenario>\n'
        )

    def send(self, lines: Sequence[str], body: str = "", *, repeat: bool = False) -> None:
        """A message; `repeat`: again and again until the next step's message comes, as UDP needs.

        With `-lost` only such a one is lost: SIPp doesn't answer a repeated INVITE when it has lost all its
        answers to the first.
        """
        kind = ["Content-Type: application/sdp"] if body else []
        text = "\n".join([*lines, *kind, "Content-Length: [len]", "", body])
        attribute = ' retrans="500"' if repeat else ' lost="0"'
        self._steps.append(f"<send{attribute}><![CDATA[\n{text}\n]]></send>")

    def response(
        self, status: int, *, optional: bool = False, auth: bool = False, jump: bool = False
    ) -> None:
        """A response comes. With `auth`, what follows can use `[authentication]`; with `jump` it is optional,
        and leads to `land`.
        """
        attributes = f'response="{status}" rrs="true"'
        attributes += ' optional="true"' if optional or jump else ""
        attributes += ' auth="true"' if auth else ""
        attributes += ' next="1"' if jump else ""
        self._steps.append(f"<recv {attributes}></recv>")

    def land(self) -> None:
        """Where `jump` leads."""
        self._steps[-1] += '<label id="1"/>'

    def request(self, method: str, *, action: str = "", optional: bool = False) -> None:
        """A request comes. An ACK has no Contact to go by from then on, which SIPp 3.7 would mind."""
        attributes = f'request="{method}"' + ("" if method == "ACK" else ' rrs="true"')
        attributes += ' optional="true"' if optional else ""
        self._steps.append(f"<recv {attributes}>{action}</recv>")

    def agree(self, body: str) -> None:
        """200 to a re-INVITE, and its ACK."""
        contact = "Contact: <sip:phone@[local_ip]:[local_port];transport=[transport]>"
        self.send(answer_lines(200, "OK", tag="", headers=[contact]), body, repeat=True)
        self.request("ACK")

    def until_told(self) -> None:
        """Nothing, until `Sipp.tell`."""
        self._steps.append('<recv request="INFO"></recv>')

    def pause(self, milliseconds: int) -> None:
        """Nothing, for so long."""
        self._steps.append(f'<pause milliseconds="{milliseconds}"/>')


class Caller(Scenario):
    """A user agent that calls. `called` is the Request-URI's user."""

    def __init__(
        self,
        called: str,
        *,
        caller: str = "12125550100",
        domain: str = DOMAIN,
        headers: Sequence[str] = (),
        body: str = "",
        address: str = "[local_ip]",
        from_host: str = "",
        contact: str = "phone@{address}:[local_port];transport=[transport]",
    ) -> None:
        """`address` is what its Via and Contact name, `from_host` its From (else `domain`); `contact` is the
        Contact's URI, without the scheme.
        """
        super().__init__()
        self._address = address
        self._contact = contact.format(address=address)
        self._uri = f"sip:{called}@{domain}"
        self._from = f"<sip:{caller}@{from_host or domain}>;tag=[pid]c[call_number]"
        self._headers = list(headers)
        self._body = body
        self._cseq = 0
        self._invited_at = 0
        self._invite_cseq = 0

    def _head(self, method: str, *, uri: str, to: str, branch: str, cseq: int) -> list[str]:
        return [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/[transport] {self._address}:[local_port];branch={branch};rport",
            f"From: {self._from}",
            to,
            "Call-ID: [call_id]",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:{self._contact}>",
            "Max-Forwards: 70",
        ]

    def invite(self, *, credentials: bool = False, headers: Sequence[str] = ()) -> None:
        """Outside a dialog."""
        self._cseq += 1
        self._invite_cseq = self._cseq
        self._invited_at = len(self)
        lines = self._head(
            "INVITE", uri=self._uri, to=f"To: <{self._uri}>", branch="[branch]", cseq=self._cseq
        )
        extra = ["[authentication]"] if credentials else []
        self.send([*lines, *extra, *self._headers, *headers], self._body, repeat=True)

    def ack_refusal(self) -> None:
        """The ACK of a final answer of 300 or more."""
        branch = f"[branch-{len(self) - self._invited_at}]"
        self.send(self._head("ACK", uri=self._uri, to="[last_To:]", branch=branch, cseq=self._cseq))

    def challenged(self) -> None:
        """A challenge comes and is acknowledged; a proxy in between says 100 before."""
        self.response(100, optional=True)
        self.response(407, auth=True)
        self.ack_refusal()

    def invite_with_credentials(self) -> None:
        """INVITE, the challenge, INVITE again."""
        self.invite()
        self.challenged()
        self.invite(credentials=True)

    def refused(self, status: int) -> None:
        """A final answer of 300 or more comes."""
        self.provisional()
        self.response(status)
        self.ack_refusal()

    def provisional(self) -> None:
        """Provisional responses may come."""
        for status in PROVISIONAL:
            self.response(status, optional=True)

    def answered(self, body: str = "") -> None:
        """A 200 comes and is acknowledged."""
        self.provisional()
        self.response(200)
        self.ack(body)

    def ack(self, body: str = "") -> None:
        """The ACK of a 2xx: of the dialog, by its route set."""
        lines = self._head(
            "ACK", uri="[next_url]", to="[last_To:]", branch="[branch]", cseq=self._invite_cseq
        )
        self.send([*lines, "[routes]"], body)

    def cancel(self, *, in_order: bool = True) -> None:
        """CANCEL, its 200, the 487; not `in_order`: chan_sip sends the 487 first, and the 487 that a proxy
        passes on may overtake its own 200."""
        branch = f"[branch-{len(self) - self._invited_at}]"
        lines = self._head("CANCEL", uri=self._uri, to=f"To: <{self._uri}>", branch=branch, cseq=self._cseq)
        self.send(lines, repeat=True)
        self.response(200, optional=not in_order)
        self.response(487)
        self.ack_refusal()

    def in_dialog(self, method: str, headers: Sequence[str] = (), body: str = "") -> None:
        """A request within the dialog."""
        self._cseq += 1
        if method == "INVITE":
            self._invite_cseq = self._cseq
        lines = self._head(method, uri="[next_url]", to="[last_To:]", branch="[branch]", cseq=self._cseq)
        self.send([*lines, "[routes]", *headers], body, repeat=True)

    def reliable_response(self, status: int) -> None:
        """A provisional response that wants a PRACK (RFC 3262)."""
        self.response(status)
        keep = '<ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" assign_to="rseq"/>'
        step = self._steps[-1].replace("></recv>", f"><action>{keep}</action></recv>")
        self._steps[-1] = step

    def prack(self) -> None:
        """For the reliable response that came."""
        self.in_dialog("PRACK", [f"RAck: [$rseq] {self._cseq} INVITE"])

    def bye(self, headers: Sequence[str] = ()) -> None:
        """Hang up."""
        self.in_dialog("BYE", headers)
        self.response(200)

    def hung_up(self) -> None:
        """The other side hangs up."""
        self.request("BYE")
        self.send(answer_lines(200, "OK", tag=""))


def answer_lines(status: int, reason: str, *, tag: str, headers: Sequence[str] = ()) -> list[str]:
    """A response to the request that came last. `tag` is put behind To."""
    return [
        f"SIP/2.0 {status} {reason}",
        "[last_Via:]",
        "[last_From:]",
        f"[last_To:]{tag}",
        "[last_Call-ID:]",
        "[last_CSeq:]",
        "[last_Record-Route:]",
        *headers,
    ]


class Registration(Scenario):
    """One REGISTER, with the credentials that the challenge asks for."""

    def __init__(
        self,
        key: str,
        contacts: Sequence[str],
        expires: int | None = None,
        *,
        headers: Sequence[str] = (),
        status: int = 200,
    ) -> None:
        super().__init__()
        extra = [f"Contact: {contact}" for contact in contacts]
        extra += [] if expires is None else [f"Expires: {expires}"]
        extra += headers
        for cseq in (1, 2):
            lines = [
                f"REGISTER sip:{DOMAIN} SIP/2.0",
                "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport",
                f"From: <sip:{key}@{DOMAIN}>;tag=[pid]r[call_number]",
                f"To: <sip:{key}@{DOMAIN}>",
                "Call-ID: [call_id]",
                f"CSeq: {cseq} REGISTER",
                "Max-Forwards: 70",
                *(["[authentication]"] if cseq == 2 else []),
                *extra,
            ]
            self.send(lines, repeat=True)
            self.response(401 if cseq == 1 else status, auth=cseq == 1)


class Callee(Scenario):
    """A user agent that is called."""

    TAG: Final = ";tag=[pid]s[call_number]"

    def __init__(self, *, body: str = "") -> None:
        super().__init__()
        self._body = body
        self._cseq = 0

    @classmethod
    def answering(cls, body: str, *, ringing: bool = True) -> "Callee":
        """One that takes a call, until the caller hangs up."""
        callee = cls(body=body)
        callee.invited()
        if ringing:
            callee.ring()
        callee.accept()
        callee.hung_up()
        return callee

    def invited(self) -> None:
        """An INVITE comes. Its From and To are kept for requests of ours."""
        keep = "".join(
            f'<ereg regexp=".*" search_in="hdr" header="{name}:" assign_to="{name.lower()}"/>'
            for name in ("From", "To")
        )
        self.request("INVITE", action=f"<action>{keep}</action>")
        self._steps[-1] += '<Reference variables="from,to"/>'

    def answer(
        self, status: int, reason: str, headers: Sequence[str] = (), body: str = "", *, repeat: bool = False
    ) -> None:
        """A response to the INVITE."""
        tag = "" if status == 100 else self.TAG
        lines = answer_lines(status, reason, tag=tag, headers=headers)
        if 101 <= status < 300:
            lines.append("Contact: <sip:phone@[local_ip]:[local_port];transport=[transport]>")
        self.send(lines, body, repeat=repeat)

    def ring(self) -> None:
        """180."""
        self.answer(180, "Ringing")

    def early_media(self) -> None:
        """183 with the answer."""
        self.answer(183, "Session Progress", body=self._body)

    def accept(self, headers: Sequence[str] = ()) -> None:
        """200 with the answer, and its ACK."""
        self.answer(200, "OK", headers, self._body, repeat=True)
        self.request("ACK")

    def refuse(self, status: int, reason: str, headers: Sequence[str] = ()) -> None:
        """A refusal, and its ACK."""
        self.answer(status, reason, headers, repeat=True)
        self.request("ACK")

    def cancelled(self) -> None:
        """CANCEL comes: 200, then 487 to the INVITE, then its ACK."""
        self.request("CANCEL")
        self.send(answer_lines(200, "OK", tag=self.TAG))
        lines = answer_lines(487, "Request Terminated", tag=self.TAG)
        lines[5] = "CSeq: [cseq] INVITE"
        self.send(lines, repeat=True)
        self.request("ACK")

    def hung_up(self) -> None:
        """The other side hangs up."""
        self.request("BYE")
        self.send(answer_lines(200, "OK", tag=""))

    def in_dialog(self, method: str, headers: Sequence[str] = (), body: str = "") -> None:
        """A request of ours within the dialog."""
        self._cseq += 1
        self.send([*self._within_dialog(method), *headers], body, repeat=True)

    def ack(self) -> None:
        """The ACK of the 2xx to a re-INVITE of ours."""
        self.send(self._within_dialog("ACK"))

    def _within_dialog(self, method: str) -> list[str]:
        return [
            f"{method} [next_url] SIP/2.0",
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport",
            f"From:[$to]{self.TAG}",
            "To:[$from]",
            "Call-ID: [call_id]",
            f"CSeq: {self._cseq} {method}",
            "Contact: <sip:phone@[local_ip]:[local_port];transport=[transport]>",
            "Max-Forwards: 70",
            "[routes]",
        ]

    def bye(self) -> None:
        """Hang up."""
        self.in_dialog("BYE")
        self.response(200)
