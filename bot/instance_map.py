"""`TRAIN_INSTANCE_FOR_USER`: which machine is whose."""

from __future__ import annotations

import json
import re

INSTANCE_ID = re.compile(r"i-[0-9a-f]{8,17}")


def instance_map(text: str) -> dict[str, str]:
    """E-mail -> instance, from JSON text; `ValueError` with the sentence to show when it is none."""
    try:
        instances = json.loads(text)
    except ValueError as error:
        raise ValueError(f'it is no JSON ({error}); right is {{"alice@example.com": "i-0123456789abcdef0"}}') from error
    if not isinstance(instances, dict):
        raise ValueError('right is {"alice@example.com": "i-0123456789abcdef0"}')  # noqa: TRY004 - pydantic wants it
    for email, instance in instances.items():
        if "@" not in email:
            raise ValueError(f'"{email}" is no e-mail address')
        if not isinstance(instance, str) or not INSTANCE_ID.fullmatch(instance):
            raise ValueError(f'"{instance}" for {email} is no instance id like i-0123456789abcdef0')
    return instances
