"""What a signed-in principal may see and do: the one place that tells roles apart.

The API and the dashboard both stand in front of it, and neither touches the store. What belongs to somebody
else does not exist for a customer: it is answered like a name that nobody has.
"""

from trunkline.web.desk.desk import Desk as Desk
