"""The house stays liveable: files and functions of a size one can hold in mind, and an empty trainer/__init__."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("bot", "commands", "examples", "tests", "trainer")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 400, 60


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_and_its_functions_fit_on_a_table(path):
    text = path.read_text()
    assert text.count("\n") <= LONGEST_FILE
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = [node.name for node in functions if node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION]
    assert not long


def test_importing_the_trainer_costs_nothing():
    assert (ROOT / "trainer" / "__init__.py").read_text() == ""


def test_the_bot_never_loads_tensorflow_dvc_or_the_sandbox():
    code = (
        "import sys, bot.wiring; "
        "bad = {'tensorflow', 'keras', 'dvc', 'moto', 'bot.sandbox'} & set(sys.modules); "
        "sys.exit(f'loaded: {bad}' if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
