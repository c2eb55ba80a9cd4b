"""What the network computes with while it is trained; what is kept of it is always float32."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trainer.pipeline.backend import tf

FULL = "float32"
MIXED = "mixed_float16"
TENSOR_CORES = (7, 0)
"""The compute capability of a GPU from which on half floats are faster, and not only smaller."""


def policy(wanted: str, capabilities: Iterable[tuple[int, int] | None]) -> str:
    """The policy for `train.mixed_precision` and the GPUs' capabilities; without a GPU always `float32`."""
    found = list(capabilities)
    fit = found and all(capability is not None and capability >= TENSOR_CORES for capability in found)
    return MIXED if wanted == "auto" and fit else FULL


def capabilities() -> list[Any]:
    """The compute capability, (major, minor), of each GPU here; None where it has none."""
    details = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    return [each.get("compute_capability") for each in details]
