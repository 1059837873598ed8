"""SVG, element by element. Names come from the code; all text is escaped and made visible here."""

from markupsafe import Markup, escape

from trunkline.web.dashboard.wording import visible

Value = str | float | None


def element(name: str, /, *children: str, **attributes: Value) -> Markup:
    """`<name …>…</name>`. Children are text unless they are `Markup`; an attribute that is None is left out.

    `class_` stands for class, and an underscore within a name for a hyphen.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is not None:
            spelt = key.rstrip("_").replace("_", "-")
            parts.append(f' {spelt}="{escape(_written(value))}"')
    parts.append(">")
    parts += [escape(visible(child)) for child in children]
    parts.append(f"</{name}>")
    return Markup("".join(parts))  # noqa: S704 - every part was escaped above


def picture(
    title: str, about: str, width: float, height: float, *children: str, id_: str, role: str = "img"
) -> Markup:
    """An `<svg>` that a screen reader announces with a title and a description.

    `id_` tells pictures of one page apart. One with links inside is no `img` but a `group`.
    """
    return element(
        "svg",
        element("title", title, id=f"{id_}-title"),
        element("desc", about, id=f"{id_}-desc"),
        *children,
        xmlns="http://www.w3.org/2000/svg",
        class_="picture",
        role=role,
        aria_labelledby=f"{id_}-title {id_}-desc",
        width=width,
        height=height,
        viewBox=f"0 0 {_written(width)} {_written(height)}",
    )


def clipped(text: str, most: int) -> str:
    """At most `most` characters of a text, for where it must not run into its neighbour."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _written(value: str | float) -> str:
    """A number with a tenth of a pixel at most."""
    if isinstance(value, str):
        return str(visible(value))
    return str(round(value)) if value == round(value) else f"{value:.1f}"
