"""A flow without a socket, for what only looks at flows."""

from dataclasses import dataclass

from trunkline.sip.ports import Address, Transport

HERE = Address("192.0.2.1", 5060)
THERE = Address("192.0.2.9", 5060)


@dataclass
class PaperFlow:
    """Satisfies `trunkline.sip.ports.Flow`; what is sent goes nowhere."""

    transport: Transport = Transport.UDP
    remote: Address = THERE
    sent_by: Address = HERE
    closed: bool = False

    def send(self, data: bytes) -> None:
        """Drop it."""
