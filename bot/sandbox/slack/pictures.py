"""How large a picture is, and a small one of it."""

from __future__ import annotations

import io

from PIL import Image, UnidentifiedImageError


def size_of(content: bytes) -> tuple[int, int]:
    """Width and height in pixels; (0, 0) for what is no picture."""
    try:
        with Image.open(io.BytesIO(content)) as picture:
            return int(picture.width), int(picture.height)
    except (UnidentifiedImageError, OSError, ValueError):
        return 0, 0


def thumbnail(content: bytes, size: tuple[int, int]) -> bytes:
    """A PNG of a picture in another size."""
    with Image.open(io.BytesIO(content)) as picture:
        small = picture.convert("RGBA").resize(size)
    target = io.BytesIO()
    small.save(target, "PNG")
    return target.getvalue()
