"""The sizes and thresholds of the search for digits, in a frame and in a picture of one digit."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Scale:
    """Sizes and thresholds of the search; sizes are fractions of the image's longer side unless stated otherwise."""

    background: float  # the window in which the paper's colour is estimated
    nearby: float  # the window in which ink is compared with the strongest ink
    noise: float  # minimum ink over the median of the image's ink; the peak of each piece must reach twice that
    of_peak: float  # minimum ink over the strongest ink nearby; the remains of ruled lines are paler than strokes
    rule: float  # minimum length of a ruled line, as a fraction of the shorter side; 0 if there are none
    rule_thickness: float  # maximum thickness of a ruled line
    rules_to_edge: bool  # whether only lines that reach the image's edge are ruled lines
    margin: float  # the width of the edge, of the shorter side; pieces join only pieces at as many edges
    gap: float  # maximum distance between the pieces of a digit, as a fraction of its height
    gap_to_thickness: float  # maximum distance of pieces that almost touch, over the thickness of their strokes
    growth: float  # maximum height of a digit over the height of its higher piece


# In a frame, digits are small, lines long and specks many. In an image of one digit, neighbours and ends of lines lie
# at the edge, and the digit covers so many pixels that it raises the median.
FRAME = Scale(
    0.25, 0.1, 4, 0.4, rule=0.35, rule_thickness=0.0125, rules_to_edge=False,
    margin=0.0, gap=0.12, gap_to_thickness=0.75, growth=1.75,
)  # fmt: skip
SINGLE = Scale(
    1.0, 0.5, 2.5, 0.3, rule=0.5, rule_thickness=0.125, rules_to_edge=True,
    margin=0.03, gap=0.25, gap_to_thickness=1.2, growth=2.5,
)  # fmt: skip
UNRULED = replace(SINGLE, rule=0)
# The paper's colour changes over half the image, as where the light falls off.
UNEVEN = replace(SINGLE, background=0.5)
