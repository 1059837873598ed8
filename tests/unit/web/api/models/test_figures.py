"""Figures as bodies."""

from trunkline.store.figures import Stretch
from trunkline.trunk.verdict import Slug
from trunkline.web.api.models.figures import StretchView


def test_a_stretch() -> None:
    shown = StretchView.of(Stretch(3600.0, 5, {Slug.BUSY: 2}, 4.25)).model_dump(mode="json")
    assert shown == {"began_at": "1970-01-01T01:00:00Z", "calls": 5, "unanswered": {"busy": 2}, "mos": 4.25}
