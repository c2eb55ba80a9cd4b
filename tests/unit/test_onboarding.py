"""`stationmaster init`: adds what a project lacks, touches nothing that is there, and says what is left to do."""

import os
import subprocess
import sys

import pytest

from tests.unit.onboarding_project import CONFIG, PARAMS, PIPELINE, SomeProject
from trainer.definition import dockerfile
from trainer.onboarding.__main__ import main

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc.*")  # DVC's own, of the libraries that it uses


@pytest.fixture(autouse=True)
def _own_dvc(tmp_path, monkeypatch):
    """DVC without this person's settings."""
    for name in ("GLOBAL_CONFIG", "SYSTEM_CONFIG", "SITE_CACHE"):
        monkeypatch.setenv(f"DVC_{name}_DIR", str(tmp_path / "dvc"))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")


@pytest.fixture
def project(tmp_path):
    return SomeProject(tmp_path / "project")


def files_of(project):
    found = (path for path in project.folder.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in found if ".git" not in path.parts and "tmp" not in path.parts}


def test_a_project_that_is_whole_is_ready_once_it_is_pushed(project, capsys):
    assert project.init() == 1
    assert "to do  Nothing is committed yet." in capsys.readouterr().out
    project.commit()
    project.push()
    assert project.init("--check") == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert "ok     Everything is committed.\nok     Every commit is pushed.\n\nReady. In Slack: /train" in said
    assert "ok     A release brings `model.bin`;" in said
    assert "ok     Metrics: `metrics.json`." in said


def test_what_is_missing_is_added_once_and_said(project):
    assert project.findings(only_check=False)["added"] == [
        "Dockerfile.train, for machines that train in containers; put into it what the stages import.",
        "Examples of `smoke:` and `gates:` in params.yaml, as comments.",
    ]
    made = files_of(project)
    assert "added" not in project.findings(only_check=False)
    assert files_of(project) == made


def test_the_examples_are_comments_that_become_valid_when_they_are_taken_up(project):
    project.init()
    text = project.read("params.yaml")
    assert text.startswith(PARAMS)
    assert all(line.startswith("#") or not line for line in text.removeprefix(PARAMS).splitlines())
    taken = [line[2:] if line.startswith(("# smoke", "# gates", "#   ")) else line for line in text.splitlines()]
    project.write("params.yaml", "\n".join(taken))
    said = project.findings()
    assert {f"`{name}:` in params.yaml can be used as it is." for name in ("smoke", "gates")} <= set(said["ok"])


def test_the_dockerfile_installs_the_requirements_where_there_are_some(project):
    project.write("requirements.txt", "scikit-learn\n")
    project.init()
    text = project.read("Dockerfile.train")
    assert dockerfile.sources(text) == ("requirements.txt",)
    assert "\nUSER 0\nCOPY" in text
    assert text.endswith("USER 10001:10001\n")


def test_without_requirements_nothing_is_copied_and_the_line_to_write_is_shown(project):
    project.init()
    text = project.read("Dockerfile.train")
    assert dockerfile.sources(text) == ()
    assert "# RUN pip install" in text


def test_what_is_there_is_left_as_it_is(project):
    project.write("Dockerfile.train", "FROM mine\n")
    project.write("params.yaml", f"{PARAMS}gates:\n  loss: {{better: lower}}\nsmoke:\n  train: {{epochs: 1}}\n")
    before = files_of(project)
    said = project.findings(only_check=False)
    assert "added" not in said
    assert files_of(project) == before


def test_check_changes_nothing(project):
    before = files_of(project)
    said = project.findings()
    assert files_of(project) == before
    assert any("`stationmaster init` adds one" in sentence for sentence in said["note"])
    assert any("`stationmaster init` adds examples" in sentence for sentence in said["note"])


def test_a_link_is_not_written_through(project, tmp_path):
    (tmp_path / "shared.yaml").write_text(PARAMS)
    (project.folder / "params.yaml").unlink()
    (project.folder / "params.yaml").symlink_to(tmp_path / "shared.yaml")
    (project.folder / "Dockerfile.train").symlink_to(tmp_path / "nowhere")
    project.init()
    assert (tmp_path / "shared.yaml").read_text() == PARAMS
    assert (project.folder / "Dockerfile.train").is_symlink()


def test_no_example_is_written_where_a_new_line_would_train_everything_anew(project):
    project.write("dvc.yaml", PIPELINE.replace("deps: [train.py]", "deps: [train.py, params.yaml]"))
    said = project.findings(only_check=False)
    assert project.read("params.yaml") == PARAMS
    assert any("a new line in it would run `train`" in sentence for sentence in said["note"])


def test_outside_of_a_project_it_says_how_to_begin_and_changes_nothing(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "is in no git repository" in capsys.readouterr().err
    bare = SomeProject(tmp_path / "bare")
    (bare.folder / ".dvc/config").unlink()
    assert bare.init() == 2
    assert "has no .dvc/config. Begin: `cd" in capsys.readouterr().err
    assert not (bare.folder / "Dockerfile.train").exists()


def test_it_may_be_called_from_a_folder_below_and_in_a_second_worktree(project):
    project.commit()
    project.git("worktree", "add", "--quiet", "../second")
    second = project.folder.parent / "second"
    (second / "src").mkdir()
    main([str(second / "src")])
    assert (second / "Dockerfile.train").exists()
    assert not (project.folder / "Dockerfile.train").exists()


def test_the_bots_command_line_leads_there_whatever_the_project_calls_its_folders(project):
    project.write("trainer/__init__.py", "raise SystemExit('the wrong trainer')\n")
    argv = [sys.executable, "-P", "-m", "bot", "init", "--check"]
    done = subprocess.run(argv, cwd=project.folder, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "then look again: stationmaster init --check" in done.stdout


def test_without_dvc_the_command_line_says_how_to_get_it():
    code = "import sys; sys.modules['dvc'] = None; from bot.__main__ import main; main(['init'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("`stationmaster init` needs DVC beside it.")


def test_names_that_are_no_text_can_be_said(project, capfd):
    project.commit()
    project.write(os.fsdecode(b"caf\xff.txt"), "")
    assert project.init("--check") == 1
    assert "Not committed: `caf\\udcff.txt`" in capfd.readouterr().out


def test_a_stage_may_depend_on_everything(project):
    project.write("dvc.yaml", PIPELINE.replace("deps: [train.py]", "deps: [train.py, .]"))
    assert "neither git nor DVC has" not in project.left()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("outs: [model.bin]\n    metrics: [metrics.json]", "desc: none"), "`train` has no outputs"),
        (("python train.py", "sudo python train.py"), "runs `sudo`, which waits for somebody"),
        (("python train.py", "docker run --rm -it image train"), "runs `docker run --rm -it`, which waits"),
        (("python train.py", "python -m pdb train.py"), "runs `python -m pdb`, which waits"),
        (("python train.py", "python train.py && read answer"), "runs `read`, which waits"),
        (
            ("python train.py", "python train.py --data /home/bob/fruits"),
            "names /home/bob/fruits, which other machines",
        ),
        (("deps: [train.py]", "deps: [train.py, lost.csv]"), "`train` needs `lost.csv`, which neither git nor DVC has"),
        (("outs: [model.bin]", "outs: [../model.bin]"), "leaves the repository"),
        (("[metrics.json]", "[{metrics.json: {cache: false}}]"), "so git is to keep it, but .gitignore leaves it out"),
        ((PIPELINE, "stages: 3\n"), "stages must be a mapping"),
        (("stages:\n", "stages:\n  - ["), "dvc.yaml cannot be read"),
        (("    cmd: python train.py\n", ""), "`train` has no `cmd`"),
        (("python train.py", "python ${script}"), "DVC does not understand the pipeline"),
        (("outs: [model.bin]", "outs: ['${model}']"), "DVC does not understand the pipeline"),
        (("    outs: [model.bin]\n", ""), "has no output that could be released"),
        ((PIPELINE, "stages: {}\n"), "no dvc.yaml with stages, so there is nothing to train"),
    ],
)
def test_what_is_in_the_way_of_a_training_is_named(project, change, sentence):
    assert change[0] in PIPELINE
    project.write("dvc.yaml", PIPELINE.replace(*change))
    assert sentence in project.left()


@pytest.mark.parametrize(
    "harmless", ["python read.py", "sudo -n true", "python train.py --more less", "docker run image"]
)
def test_what_only_looks_like_a_question_is_not_taken_for_one(project, harmless):
    project.write("dvc.yaml", PIPELINE.replace("python train.py", harmless))
    assert "waits for somebody" not in project.left()


def test_a_stage_that_uses_templates_is_read_by_dvc(project):
    project.write("dvc.yaml", PIPELINE.replace("outs: [model.bin]", "outs: ['${model}']"))
    project.write("params.yaml", f"{PARAMS}model: model.bin\n")
    assert any("A release brings `model.bin`" in sentence for sentence in project.findings()["ok"])


def test_a_pipeline_without_metrics_trains_but_is_told_what_it_misses(project):
    project.write("dvc.yaml", PIPELINE.replace("    metrics: [metrics.json]\n", ""))
    said = project.findings()
    assert any(sentence.startswith("No metrics are declared") for sentence in said["note"])
    project.write("dvc.yaml", PIPELINE.replace("metrics.json", "metrics.csv"))
    assert any("`metrics.csv` would not be shown" in sentence for sentence in project.findings()["note"])


def test_what_dvc_keeps_is_not_gits(project):
    project.write("model.bin", "a model\n")
    project.git("add", "--force", "model.bin")
    assert "git has `model.bin` as well as DVC" in project.left()
    project.git("rm", "--quiet", "--cached", "model.bin")
    project.write(".gitignore", "")
    assert "git would take `model.bin`, which DVC keeps" in project.left()


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("", "The project has no default DVC remote"),
        ("[core]\n    remote = other\n", "has no remote 'other' with an address"),
        (CONFIG.format(url="../storage"), "The remote `store` is a folder of this machine"),
        (CONFIG.format(url="s3://team/data\n    version_aware = true"), "is set to version_aware"),
    ],
)
def test_a_remote_that_other_machines_cannot_reach_is_named(project, config, sentence):
    project.write(".dvc/config", config)
    assert sentence in project.left()


def test_a_folder_that_machines_may_share_is_said_and_not_refused(project):
    project.write(".dvc/config", CONFIG.format(url="/no-such-mount/storage"))
    said = project.findings()
    assert any("must be the same one at each machine" in sentence for sentence in said["note"])
    assert "remote" not in "".join(said["to do"])


class TestData:
    """With a remote that is a folder: DVC asks it as it asks any other."""

    @pytest.fixture
    def project(self, project, tmp_path):
        project.write(".dvc/config", CONFIG.format(url=tmp_path / "storage"))
        project.write("data/a.csv", "1\n")
        project.write("data/b.csv", "2\n")
        self.dvc(project, "add", "--quiet", "data")
        return project

    def dvc(self, project, *words):
        subprocess.run([sys.executable, "-m", "dvc", *words], cwd=project.folder, env=os.environ, check=True)

    def test_what_was_not_pushed_is_to_be_pushed(self, project):
        assert "Not on the remote yet: `data`, `data/a.csv`, `data/b.csv`. Run `dvc push`." in project.left(), (
            project.findings()
        )
        self.dvc(project, "push", "--quiet")
        assert "All data is on the remote." in project.findings()["ok"]

    def test_what_is_nowhere_is_named(self, project):
        for file in (project.folder / ".dvc/cache/files").rglob("*"):
            if file.is_file():
                file.unlink()
        assert "Neither here nor on the remote: `data`" in project.left()

    def test_a_remote_that_cannot_be_asked_is_no_failure_of_the_project(self, project, monkeypatch):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "none")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        nobody = "s3://team/data\n    endpointurl = http://127.0.0.1:1"
        project.write(".dvc/config", CONFIG.format(url=nobody))
        said = project.findings()
        assert any(sentence.startswith("Whether the data is on the remote could not be") for sentence in said["note"])


def test_a_login_in_gits_copy_of_the_settings_is_found(project):
    project.write(".dvc/config", CONFIG.format(url="s3://team/data\n    Secret_Access_Key = x"))
    assert ".dvc/config holds `Secret_Access_Key`" in project.left()


def test_files_that_are_known_for_secrets_are_found_unless_git_ignores_them(project):
    project.write("deploy/.env", "NAME=value\n")
    assert "git has, or would take, `deploy/.env`" in project.left()
    project.write(".gitignore", project.read(".gitignore") + ".env\n")
    assert ".env" not in project.left()


@pytest.mark.parametrize("parts", [("-----BEGIN ", "PRIVATE KEY-----"), ("AKIA", "EXAMPLE1" * 2), ("glpat-", "x" * 20)])
def test_what_looks_like_a_key_is_found_wherever_it_stands(project, parts):
    project.write("src/settings.py", f'key = "{"".join(parts)}"\n')
    assert "looks like a key or a token stands in `src/settings.py`" in project.left()


def test_commits_that_are_not_in_gitlab_are_counted(project):
    project.init()
    project.commit()
    assert "git knows no server" in project.left()
    project.push()
    assert "git" not in project.left()
    project.write("train.py", "print('again')\n")
    assert "Not committed: `train.py`" in project.left()
    project.commit()
    assert "1 commit is not in GitLab yet" in project.left()
    project.git("switch", "--quiet", "--create", "other")
    assert "This branch is not in GitLab yet" in project.left()
