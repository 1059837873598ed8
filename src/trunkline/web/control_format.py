"""What both ends of the control socket must agree on beside `trunkline.web.views`."""

from pydantic import ConfigDict, TypeAdapter

from trunkline.observe.message import LadderMessage
from trunkline.web.views import CallEvent, TargetHealth

HEARTBEAT_S = 10.0
"""An empty line this often keeps a quiet stream of events open, and finds out that its reader has gone."""

CALL_EVENT = TypeAdapter(CallEvent)
LADDER = TypeAdapter(list[LadderMessage], config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64"))
"""Messages travel as base64: they are bytes, and a peer's."""
TARGETS = TypeAdapter(list[TargetHealth])
