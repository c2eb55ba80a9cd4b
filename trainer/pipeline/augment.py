"""Images as they might have been taken: the changes that a photo of a fruit bears without becoming another class.

Colour tells classes apart, so it is left alone; only the light changes a little. The layers compute where the network
does, and their random numbers are variables of the model: the same seed gives the same images.
"""

from __future__ import annotations

from typing import Any

from trainer.pipeline.backend import keras

SHIFT = 0.08
"""Of height and width, at most, to either side."""
TURN = 0.05
"""Of a full turn, at most, to either side: 18 degrees."""
LIGHT = 0.1
"""Of the range of a pixel, at most, lighter or darker."""


def augmented(network: Any, seed: int) -> Any:
    """`network` behind random changes of its input, to be trained; the two share all weights."""
    layers = keras.layers
    _, height, width, channels = network.input_shape
    image = keras.Input((height, width, channels), name="photo")
    # What comes into view at an edge is like the edge: the background of these photos is plain.
    x = layers.RandomFlip("horizontal_and_vertical", seed=seed)(image)
    x = layers.RandomTranslation(SHIFT, SHIFT, fill_mode="nearest", seed=seed + 1)(x)
    x = layers.RandomRotation(TURN, fill_mode="nearest", seed=seed + 2)(x)
    x = layers.RandomBrightness(LIGHT, value_range=(0, 255), seed=seed + 3)(x)
    return keras.Model(image, network(x), name="augmented")
