"""The SSM document and the policies: what they let through, and what they do not."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
DOCUMENT = json.loads((DEPLOY / "ssm-document.json").read_text())
PARAMETERS = DOCUMENT["parameters"]
HOSTILE = ["$(id)", "`id`", "{{ssm:secret}}", "../..", "--", "ü", *(f"a{sign}b" for sign in ";|&'\" \n\\>*~#!?")]


def test_the_document_holds_the_script_that_is_in_the_repository(tmp_path):
    before = (DEPLOY / "ssm-document.json").read_bytes()
    for name in ("ssm_document.py", "ssm_run.py"):
        (tmp_path / name).write_bytes((DEPLOY / name).read_bytes())
    subprocess.run([sys.executable, str(tmp_path / "ssm_document.py")], check=True)
    assert (tmp_path / "ssm-document.json").read_bytes() == before, "run: python deploy/ssm_document.py"


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("value", HOSTILE)
def test_no_parameter_takes_a_sign_that_a_shell_reads(name, value):
    parameter = PARAMETERS[name]
    assert parameter["type"] == "String"
    if "allowedValues" in parameter:
        assert value not in parameter["allowedValues"]
    else:
        assert re.fullmatch(parameter["allowedPattern"], value) is None


def test_every_parameter_is_quoted_where_it_stands_and_stands_once():
    script = DOCUMENT["mainSteps"][0]["inputs"]["runCommand"]
    assert re.findall(r"'\{\{ (\w+) \}\}'", script[0]) == list(PARAMETERS)
    assert not [line for line in script[1:] if "{{" in line]


def test_the_script_is_understood_by_the_pythons_of_old_instances():
    ast.parse((DEPLOY / "ssm_run.py").read_text(), feature_version=(3, 7))


def test_the_document_stays_far_below_what_ssm_takes():
    room = sum(int(parameter.get("maxChars", 40)) for parameter in PARAMETERS.values())
    assert len((DEPLOY / "ssm-document.json").read_bytes()) + room < 65_536


@pytest.mark.parametrize("name", ["iam-bot.json", "iam-instance.json"])
def test_no_policy_allows_more_than_it_names(name):
    for statement in json.loads((DEPLOY / name).read_text())["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action]
        assert statement["Effect"] == "Deny" or not any(action.startswith("s3:Delete") for action in actions)


def test_the_bot_touches_marked_machines_with_its_own_document_and_cannot_mark_any():
    policy = json.loads((DEPLOY / "iam-bot.json").read_text())["Statement"]
    for action in ("ec2:StartInstances", "ec2:StopInstances", "ssm:SendCommand"):
        for statement in (each for each in policy if action in each["Action"] and each["Effect"] == "Allow"):
            assert "Condition" in statement or statement["Resource"].endswith("document/Stationmaster-Run")
    denied = [each for each in policy if each["Effect"] == "Deny"]
    assert {"ec2:CreateTags", "ssm:UpdateDocument"} <= set(denied[0]["Action"])
