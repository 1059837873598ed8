"""SVG from hostile text."""

from xml.etree import ElementTree as ET

from trunkline.web.dashboard.svg import clipped, element, picture

HOSTILE = "</text><script>alert(1)</script>\x1b[31m\x00\"'&"


def test_text_and_attributes_are_escaped() -> None:
    made = element("text", HOSTILE, href=HOSTILE)
    read = ET.fromstring(made)
    assert read.tag == "text"
    assert len(read) == 0
    assert "script" in (read.text or "")
    assert "\u241b" in (read.text or "")


def test_names_of_attributes() -> None:
    assert element("line", x1=1.0, y1=2.25, class_="a", stroke_width=None, text_anchor="end") == (
        '<line x1="1" y1="2.2" class="a" text-anchor="end"></line>'
    )


def test_children_stay_markup() -> None:
    assert element("g", element("title", "<"), ">") == "<g><title>&lt;</title>&gt;</g>"


def test_a_picture_has_a_name_and_a_description() -> None:
    read = ET.fromstring(picture("Calls", "of a day", 100, 50.5, id_="p"))
    space = "{http://www.w3.org/2000/svg}"
    names = {child.get("id"): child.text for child in read}
    assert names == {"p-title": "Calls", "p-desc": "of a day"}
    assert read.get("aria-labelledby") == "p-title p-desc"
    assert read.tag == f"{space}svg"
    assert read.get("viewBox") == "0 0 100 50.5"


def test_a_clipped_text_shows_that_it_goes_on() -> None:
    assert clipped("abc", 3) == "abc"
    assert clipped("abcd", 3) == "ab…"
