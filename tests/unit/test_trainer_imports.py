"""What each part of the trainer may load: the location's answers come in milliseconds, and nobody loads the bot."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOOK = """
import importlib, sys
for name in {names!r}:
    importlib.import_module(name)
tops = {{name.split(".")[0] for name in sys.modules}}
print(" ".join(sorted(tops)))
"""


def loaded(*names):
    command = [sys.executable, "-P", "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}\n" + LOOK.format(names=names)]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_the_runtime_s_half_at_the_location_is_standard_library_only():
    found = loaded("trainer.jobs")
    assert found - sys.stdlib_module_names - {"__main__"} == {"trainer"}


@pytest.mark.parametrize("step", ["prepare", "repro", "publish"])
def test_a_step_loads_neither_dvc_nor_boto3_nor_the_bot_before_it_has_to(step):
    found = loaded("trainer.__main__", f"trainer.{step}")
    assert not found & {"dvc", "boto3", "botocore", "ruamel", "bot", "commands", "tensorflow"}
