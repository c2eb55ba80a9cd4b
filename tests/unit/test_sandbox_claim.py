"""One demo at a time in one folder."""

import os
import subprocess
import sys

import pytest

from bot.sandbox.claim import Claim, TakenError


def test_a_second_claim_says_whose_the_folder_is(tmp_path):
    claim = Claim(tmp_path)
    with pytest.raises(TakenError) as taken:
        Claim(tmp_path)
    assert taken.value.pid == os.getpid()
    claim.release()


def test_a_released_folder_can_be_claimed_again(tmp_path):
    Claim(tmp_path).release()
    Claim(tmp_path).release()


def test_a_claim_ends_with_its_process_however_that_ends(tmp_path):
    code = "import os, sys, pathlib, bot.sandbox.claim as c; claim = c.Claim(pathlib.Path(sys.argv[1])); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 9
    Claim(tmp_path).release()
