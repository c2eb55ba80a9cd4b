"""Drawn fruit in the layout of Fruits-360: the demo's images, made by a program, so that nothing has to be fetched.

A fruit is a height field over a round outline, coloured by its skin, lit from the upper left, turned and tilted at
random, with a stem, leaves or seeds where its species has them. Some species look alike on purpose (apples, tomato
and peach; lemon and golden apple): a network has to learn for a few epochs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIDE = 100
"""Pixels of an image's side, as in Fruits-360."""
ZOOM = 2
"""An image is drawn this many times larger and then reduced: smooth edges."""
CANVAS = SIDE * ZOOM

Array = NDArray[Any]
Colour = tuple[int, int, int]
Point = tuple[float, float]

BROWN: Colour = (92, 64, 38)
GREEN: Colour = (74, 112, 44)
FLATNESS = 1.1
"""How much the light flattens a fruit; 1 is a true ball."""


@dataclass(frozen=True)
class Species:
    """How a fruit looks. Lengths are in half image sides; the fruit's own axis points up."""

    name: str
    skin: Colour
    blush: Colour
    """The second colour of the skin; `streaks` says whether it lies in stripes from the stem or in clouds."""
    blushed: float = 0.4
    """How much of the skin has the second colour, 0 to 1."""
    streaks: float = 0.0
    width: float = 1.0
    """Of the outline, where its height is 1."""
    dimple: float = 0.0
    """How deep the outline dips at the stem."""
    taper: float = 0.0
    """How much narrower the lower half is; below 0, the upper."""
    tip: float = 0.0
    """How far the two ends stick out, as a lemon's do."""
    ribs: float = 0.0
    bend: float = 0.0
    """How far the middle is pushed aside, as a banana's is."""
    tilt: float = 75
    """How far, in degrees, the stem may turn towards the eye."""
    gloss: float = 0.5
    grain: float = 0.02
    """Roughness of the skin, 0 to 1."""
    stem: float = 0.0
    stem_colour: Colour = field(default=BROWN)
    leaves: int = 0
    crown: float = 0.0
    """Radius of the star that the flower left."""
    seeds: Colour | None = None


SPECIES = (
    Species("Apple Braeburn", (204, 158, 66), (160, 22, 28), 0.72, streaks=0.5, dimple=0.16, taper=0.1, stem=0.26),
    Species("Apple Golden", (206, 196, 84), (186, 172, 48), 0.4, streaks=0.2, dimple=0.15, taper=0.1, stem=0.26),
    Species(
        "Banana", (232, 196, 52), (178, 160, 50), 0.25, width=0.34, bend=0.42, tip=0.06, tilt=8, gloss=0.25,
        stem=0.16, stem_colour=(120, 110, 44),
    ),
    Species("Cherry", (128, 12, 24), (84, 6, 18), 0.5, dimple=0.1, taper=0.06, gloss=0.95, stem=0.5, stem_colour=GREEN),
    Species("Lemon", (236, 206, 60), (214, 192, 44), 0.4, width=0.78, tip=0.14, tilt=30, grain=0.07),
    Species("Orange", (236, 138, 28), (222, 112, 18), 0.4, width=1.0, dimple=0.03, grain=0.09, gloss=0.4, crown=0.07),
    Species("Peach", (232, 170, 84), (198, 62, 52), 0.55, streaks=0.1, dimple=0.12, gloss=0.08, grain=0.03),
    Species("Tomato", (206, 40, 24), (222, 84, 34), 0.3, width=1.08, dimple=0.08, ribs=0.012, gloss=0.75, leaves=6),
    Species("Pear", (184, 178, 70), (150, 120, 54), 0.35, width=0.72, taper=-0.36, tilt=25, grain=0.04, stem=0.24),
    Species("Plum", (70, 38, 84), (116, 46, 82), 0.4, width=0.82, dimple=0.05, tilt=50, gloss=0.3, stem=0.12),
    Species("Blueberry", (62, 74, 122), (94, 108, 152), 0.5, dimple=0.02, gloss=0.15, grain=0.03, crown=0.2),
    Species(
        "Strawberry", (204, 30, 36), (224, 74, 52), 0.3, width=0.86, taper=0.42, dimple=0.08, tilt=25, gloss=0.5,
        leaves=8, seeds=(232, 200, 110),
    ),
    Species("Lime", (112, 150, 46), (78, 126, 38), 0.45, width=0.84, tip=0.09, tilt=35, grain=0.07),
    Species("Kiwi", (132, 98, 54), (102, 74, 40), 0.5, width=0.8, tilt=40, gloss=0.04, grain=0.2, crown=0.07),
)  # fmt: skip


def draw_fruits(folder: Path, *, classes: int = 8, training: int = 45, test: int = 15, seed: int = 360) -> None:
    """Write `Training/<species>/<n>_100.jpg` and `Test/...` under `folder`: 100 x 100 JPEG on white.

    `training` and `test` count the images of each class. An image depends on `seed`, its species, its part and its
    number alone: asking for more of them changes none.

    Raises:
        ValueError: `classes` is not 2 to `len(SPECIES)`, or a count is below 1.
    """
    if not 2 <= classes <= len(SPECIES):  # noqa: PLR2004 - one class leaves nothing to tell apart
        raise ValueError(f"There are 2 to {len(SPECIES)} classes to draw, not {classes}.")
    if training < 1 or test < 1:
        raise ValueError("Each class needs at least one image to train with and one to test with.")
    for number, species in enumerate(SPECIES[:classes]):
        for part, (name, count) in enumerate((("Training", training), ("Test", test))):
            target = folder / name / species.name
            target.mkdir(parents=True, exist_ok=True)
            for image in range(count):
                random = np.random.default_rng((seed, number, part, image))
                draw(species, random).save(target / f"{image}_100.jpg", quality=92)


def draw(species: Species, random: np.random.Generator) -> Image.Image:
    """One fruit, 100 x 100 on white; `random` decides its pose, light and colours."""
    pose = Pose.draw(species, random)
    x, y = pose.axes()
    rim = _rim(species, pose, x, y)
    inside = np.clip((1 - rim) * CANVAS / 6, 0, 1)
    height = np.sqrt(np.clip(1 - rim**2, 0, 1))
    colours = _lit(_skin(species, pose, x, y, random), height, species, random)
    pixels = colours * inside[..., None] + 255 * (1 - inside[..., None])
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    _decorate(image, species, pose, random)
    small = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS), dtype=np.float32)
    grain = random.standard_normal(small.shape, dtype=np.float32) * 2
    grainy = np.where(small < 250, small + grain, small)  # noqa: PLR2004 - white stays
    return Image.fromarray(np.clip(grainy, 0, 255).astype(np.uint8))


@dataclass(frozen=True)
class Pose:
    """Where a fruit lies and how it is turned."""

    turn: float
    """In the picture's plane, radians."""
    tilt: float
    """Of the stem towards the eye: 0 at the rim, 1 in the middle."""
    size: float
    centre: Point
    stretch: float
    """Of the width, this one fruit's own."""

    @classmethod
    def draw(cls, species: Species, random: np.random.Generator) -> Pose:
        """A pose at random."""
        return cls(
            turn=float(random.uniform(0, 2 * math.pi)),
            tilt=math.sin(math.radians(float(random.uniform(0, species.tilt)))),
            size=float(random.uniform(0.7, 0.88)),
            centre=(float(random.uniform(-0.06, 0.06)), float(random.uniform(-0.06, 0.06))),
            stretch=float(random.uniform(0.94, 1.06)),
        )

    def axes(self) -> tuple[Array, Array]:
        """Each pixel's place in the fruit's own frame; y points to the stem."""
        steps = (np.arange(CANVAS, dtype=np.float32) + 0.5) / CANVAS * 2 - 1
        u, v = np.meshgrid(steps - self.centre[0], -steps - self.centre[1])
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        return (u * cos + v * sin) / self.size, (v * cos - u * sin) / self.size

    def pixel(self, x: float, y: float) -> Point:
        """The pixel at a place in the fruit's own frame."""
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        u = (x * cos - y * sin) * self.size + self.centre[0]
        v = (x * sin + y * cos) * self.size + self.centre[1]
        return (u + 1) / 2 * CANVAS, (1 - v) / 2 * CANVAS

    def pole(self, species: Species) -> Point:
        """Where the stem grows, in the fruit's own frame."""
        top = (1 + species.tip - species.dimple) * math.sqrt(1 - self.tilt**2)
        return -_bent(species, top) * (1 - self.tilt), top * 0.94


def _bent(species: Species, y: Any) -> Any:
    """How far the fruit's middle line is aside at height `y`."""
    return species.bend * (0.5 - y**2)


def _rim(species: Species, pose: Pose, x: Array, y: Array) -> Array:
    """0 in the fruit's middle, 1 at its outline, more outside."""
    x = x + _bent(species, y)
    narrowed = 1 - species.taper * np.clip(-y, -1, 1) - 0.3 * abs(species.taper) * y**2
    x = x / (species.width * pose.stretch * np.clip(narrowed, 0.25, None))
    angle = np.arctan2(y, x)
    away = np.hypot(x, y)
    dip = species.dimple * (1 - pose.tilt) * np.exp(-(((angle - math.pi / 2) / 0.38) ** 2))
    tips = species.tip * np.exp(-(((np.abs(angle) - math.pi / 2) / 0.24) ** 2))
    reach = 1 + (tips - dip) * np.clip(away, 0, 1) ** 3 + species.ribs * np.cos(7 * angle)
    return np.asarray(away / reach)


def _skin(species: Species, pose: Pose, x: Array, y: Array, random: np.random.Generator) -> Array:
    """The colours without light, (height, width, 3), 0 to 255."""
    px, py = pose.pole(species)
    streaks = _ring(90, random)[((np.arctan2(x - px, py - y) / (2 * math.pi) + 0.5) * 899).astype(np.int32)]
    clouds = _clouds(5, random) * 0.7 + _clouds(14, random) * 0.3
    pattern = species.streaks * streaks + (1 - species.streaks) * clouds
    share = np.clip((pattern - 0.5) * 2.2 + species.blushed + random.normal(0, 0.1), 0, 1)[..., None]
    colours = _float(species.skin) * (1 - share) + _float(species.blush) * share
    if species.seeds:
        colours = _seeded(colours, species.seeds, x, y)
    hollow = np.exp(-((np.hypot(x - px, y - py) / 0.16) ** 2)) * (0.5 if species.dimple else 0.15)
    warmth = 1 + random.normal(0, 0.05) + random.normal(0, 0.045, 3)
    rough = 1 + random.standard_normal((CANVAS, CANVAS, 1), dtype=np.float32) * species.grain
    return colours * ((1 - hollow[..., None]) * rough) * _float(warmth)


def _seeded(colours: Array, seed: Colour, x: Array, y: Array) -> Array:
    """`colours` with seeds in staggered rows."""
    row = np.floor(y * 6)
    dots = np.hypot(((x * 6 + row / 2) % 1 - 0.5) * 1.4, (y * 6 % 1) - 0.5) < 0.2  # noqa: PLR2004 - a seed's radius
    return np.where(dots[..., None], _float(seed), colours)


def _lit(colours: Array, height: Array, species: Species, random: np.random.Generator) -> Array:
    """`colours` under one lamp at the upper left, with the skin's highlight."""
    down, right = np.gradient(height, 2 / CANVAS)
    lamp = _direction(random.uniform(-0.7, 0.1), random.uniform(0.15, 0.7), 1.0)
    half_way = _direction(lamp[0], lamp[1], lamp[2] + 1)  # between lamp and eye, where the highlight lies
    steep = np.sqrt(right**2 + down**2 + FLATNESS**2)
    facing, shine = (np.clip((down * v - right * u + FLATNESS * w) / steep, 0, 1) for u, v, w in (lamp, half_way))
    level = float(random.uniform(0.9, 1.1)) * (0.42 + 0.68 * facing)
    highlight = 176 * species.gloss * shine ** (12 + 60 * species.gloss)
    return _float(colours * level[..., None] + highlight[..., None])


def _direction(u: float, v: float, w: float) -> tuple[float, float, float]:
    length = math.sqrt(u * u + v * v + w * w)
    return u / length, v / length, w / length


def _decorate(image: Image.Image, species: Species, pose: Pose, random: np.random.Generator) -> None:
    """Draw what grows at the pole."""
    pen = ImageDraw.Draw(image)
    if species.crown:
        _crown(pen, species, pose)
    if species.leaves:
        _leaves(pen, species, pose, random)
    if species.stem:
        _stem(pen, species, pose, random)


def _stem(pen: ImageDraw.ImageDraw, species: Species, pose: Pose, random: np.random.Generator) -> None:
    """A curved stem from the pole outwards."""
    x, y = pose.pole(species)
    sway = random.uniform(-0.35, 0.35)
    length = species.stem * random.uniform(0.7, 1.1)
    points = [
        pose.pixel(x + sway * length * (t / 8) ** 2, y - 0.06 + length * t / 8 * (1 - 0.35 * pose.tilt))
        for t in range(9)
    ]
    shade = random.uniform(0.75, 1.1)
    pen.line(points, fill=_shaded(species.stem_colour, shade), width=5, joint="curve")
    pen.line([(a - 1, b - 1) for a, b in points], fill=_shaded(species.stem_colour, shade * 1.4), width=2)


def _leaves(pen: ImageDraw.ImageDraw, species: Species, pose: Pose, random: np.random.Generator) -> None:
    """A star of small leaves around the pole, seen as flat as the tilt makes it."""
    x, y = pose.pole(species)
    flat = 0.35 + 0.65 * pose.tilt
    for leaf in range(species.leaves):
        angle = (leaf + random.uniform(-0.25, 0.25)) * 2 * math.pi / species.leaves
        reach = random.uniform(0.3, 0.44)
        outline = [(0.0, 0.0), (0.45, 0.07), (1.0, 0.0), (0.45, -0.07)]
        corners = [
            pose.pixel(
                x + (reach * a * math.cos(angle) - b * math.sin(angle)),
                y - 0.05 + (reach * a * math.sin(angle) + b * math.cos(angle)) * flat,
            )
            for a, b in outline
        ]
        pen.polygon(corners, fill=_shaded(GREEN, random.uniform(0.7, 1.3)))
    pen.line([pose.pixel(x, y - 0.05), pose.pixel(x + 0.04, y + 0.08)], fill=_shaded(GREEN, 0.8), width=5)


def _crown(pen: ImageDraw.ImageDraw, species: Species, pose: Pose) -> None:
    """The dried rest of the flower: a small dark star."""
    x, y = pose.pole(species)
    flat = 0.3 + 0.7 * pose.tilt
    corners = [((0.5, 1.0)[k % 2] * species.crown, k * math.pi / 5) for k in range(10)]
    star = [(reach * math.cos(angle), reach * math.sin(angle) - species.crown) for reach, angle in corners]
    pen.polygon([pose.pixel(x + a, y + b * flat) for a, b in star], fill=_shaded(species.skin, 0.45))


def _shaded(colour: Colour, level: float) -> Colour:
    red, green, blue = (min(255, int(part * level)) for part in colour)
    return red, green, blue


def _clouds(cells: int, random: np.random.Generator) -> Array:
    """Smooth noise over the canvas, 0 to 1, about `cells` blobs a side."""
    coarse = Image.fromarray((random.random((cells, cells)) * 255).astype(np.uint8))
    return np.asarray(coarse.resize((CANVAS, CANVAS), Image.Resampling.BICUBIC), dtype=np.float32) / 255


def _ring(knots: int, random: np.random.Generator) -> Array:
    """Smooth noise around a circle in 900 steps, 0 to 1, ends meeting."""
    values = random.random(knots)
    values = (np.roll(values, 1) + 2 * values + np.roll(values, -1)) * 0.4 - 0.3
    return _float(np.interp(np.linspace(0, knots, 900), np.arange(knots + 1), np.append(values, values[0])))


def _float(values: Any) -> Array:
    """As float32: twice as fast here as numpy's usual float64."""
    return np.asarray(values, dtype=np.float32)
