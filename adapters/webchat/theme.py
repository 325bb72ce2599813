"""The colours that follow from the shop's accent, chosen so that text on them can be read (WCAG AA, 4.5 : 1)."""

from __future__ import annotations

from dataclasses import dataclass

Rgb = tuple[int, int, int]

WHITE: Rgb = (255, 255, 255)
INK: Rgb = (17, 20, 24)
# The lightest and the darkest surface on which the accent is used as a text colour; the same values stand in chat.css.
LIGHT_SURFACE: Rgb = (240, 239, 235)
DARK_SURFACE: Rgb = (40, 42, 46)
AA = 4.5


@dataclass(frozen=True, slots=True)
class Theme:
    fill: str
    on_fill: str
    text_on_light: str
    text_on_dark: str

    def css(self) -> str:
        return (
            f":root{{--fill:{self.fill};--on-fill:{self.on_fill};"
            f"--accent-light:{self.text_on_light};--accent-dark:{self.text_on_dark}}}\n"
        )


def theme(accent: str) -> Theme:
    """``accent`` is ``#rrggbb``."""
    colour = _parse(accent)
    on_fill = WHITE if contrast(colour, WHITE) >= AA else INK
    # A mid-tone on which neither white nor ink reaches 4.5 does not exist for white, but does for ink: move it.
    fill = _towards(colour, WHITE, on_fill) if on_fill == INK else colour
    return Theme(
        fill=_hex(fill),
        on_fill=_hex(on_fill),
        text_on_light=_hex(_towards(colour, (0, 0, 0), LIGHT_SURFACE)),
        text_on_dark=_hex(_towards(colour, WHITE, DARK_SURFACE)),
    )


def contrast(one: Rgb, other: Rgb) -> float:
    """The contrast ratio of WCAG 2, from 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _towards(colour: Rgb, target: Rgb, background: Rgb) -> Rgb:
    """The first step from ``colour`` towards ``target`` that can be read on ``background``."""
    for step in range(21):
        red, green, blue = (round(c + (t - c) * step / 20) for c, t in zip(colour, target, strict=True))
        if contrast((red, green, blue), background) >= AA:
            return red, green, blue
    return target


def _luminance(colour: Rgb) -> float:
    red, green, blue = (_linear(channel / 255) for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _parse(colour: str) -> Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _hex(colour: Rgb) -> str:
    return "#" + "".join(f"{channel:02x}" for channel in colour)
