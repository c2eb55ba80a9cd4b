"""What the demo says of containers, with a stand-in for the docker client that says what the real ones say."""

import pytest

from bot.errors import UserError
from bot.sandbox import containers, project

ANSWERS = "version) echo 28.0 ;;"
LACKS_IT = 'image) echo "No such image" >&2; exit 1 ;;'
OLD_BUILDER = """
build) cat <<'END'
Step 1/2 : FROM base
 ---> 0123456789ab
STEP 2/2: RUN make   everything
Successfully built
END
;;
"""
BUILDKIT = """
build) cat >&2 <<'END'
#1 [internal] load build definition from Dockerfile.train
#5 [1/2] FROM docker.io/library/base
#6 [stage-1 2/2] RUN make everything
#6 0.123 [3/9] of something else
#6 [stage-1 2/2] RUN make everything
END
;;
"""
FAILS = "build) echo 'Step 1/1 : RUN false'; echo 'pip found no tensorflow' >&2; exit 1 ;;"


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """Put a client on the path that knows these verbs."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def says(*cases):
        client = tmp_path / "docker"
        client.write_text("#!/bin/sh\ncase $1 in\n" + "\n".join(cases) + "\n*) exit 9 ;;\nesac\n")
        client.chmod(0o755)

    return says


def ensured(*arguments):
    said = []
    return containers.ensure_image(arguments, said.append), said


def test_a_machine_without_docker_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"There is no docker client .* leave --runtime out\."):
        ensured()


def test_an_engine_that_does_not_answer_is_named_with_what_docker_says(docker):
    docker('version) echo "Cannot connect to the Docker daemon" >&2; exit 1 ;;')
    with pytest.raises(UserError, match=r"No docker engine answers: Cannot connect to .* leave --runtime out\."):
        ensured()


def test_an_engine_that_is_rootless_is_refused_before_anything_is_built(docker):
    docker(ANSWERS, 'info) echo "[name=seccomp,profile=default name=rootless]" ;;')
    with pytest.raises(UserError, match=r"cannot do .* not rootless; or leave --runtime out\."):
        ensured()


def test_an_image_that_is_there_is_taken_without_a_word(docker):
    docker(ANSWERS, "image) ;;")
    image, said = ensured()
    assert image.startswith(f"{containers.REPOSITORY}:")
    assert said == []


@pytest.mark.parametrize("builder", [OLD_BUILDER, BUILDKIT], ids=["the old builder", "BuildKit"])
def test_a_build_is_told_step_by_step(docker, builder):
    docker(ANSWERS, LACKS_IT, builder)
    image, said = ensured()
    assert said[0].startswith("Building the image")
    assert [line.split(":")[0] for line in said[1:-1]] == ["  step 1 of 2", "  step 2 of 2"]
    assert said[2] == "  step 2 of 2: RUN make everything"
    assert said[-1] == f"The image {image} is ready."


def test_a_build_that_fails_shows_the_last_that_was_said(docker):
    docker(ANSWERS, LACKS_IT, FAILS)
    with pytest.raises(UserError, match=r"could not be built(.|\n)*pip found no tensorflow(.|\n)*--build-arg"):
        ensured()


def test_containers_that_reach_nothing_are_told_of_before_anybody_trains(docker, tmp_path):
    docker('run) echo "ConnectionRefusedError" >&2; exit 1 ;;')
    with pytest.raises(UserError, match=r"do not reach .* ConnectionRefusedError\. The demo needs Docker on Linux"):
        containers.check_reach("image", tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["docker"]


def test_another_build_argument_is_another_image(docker):
    docker(ANSWERS, "image) ;;")
    assert len({ensured()[0], ensured("BASE=a")[0], ensured("BASE=b")[0]}) == 3
    assert ensured("BASE=a") == ensured("BASE=a")


def test_the_arguments_go_to_the_builder(docker, tmp_path):
    docker(ANSWERS, LACKS_IT, f'build) echo "$@" >{tmp_path}/asked ;;')
    ensured("BASE=a", "MORE=b c")
    assert "--build-arg BASE=a --build-arg MORE=b c" in (tmp_path / "asked").read_text()


def test_a_folder_remembers_how_it_trained(tmp_path):
    assert containers.recall(tmp_path) is None
    containers.remember(tmp_path, ["BASE=a"])
    assert containers.recall(tmp_path) == ["BASE=a"]
    containers.remember(tmp_path, None)
    assert containers.recall(tmp_path) is None


def test_a_branch_s_own_image_begins_with_the_demo_s():
    assert containers.environment("image:1")["IMAGE_BUILD_ARGS"] == "BASE=image:1"
    assert "ARG BASE" in project._DOCKERFILE


def test_the_bot_is_told_of_the_engine_that_the_demo_asked(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///here")
    assert containers.environment("image")["DOCKER_HOST"] == "unix:///here"
    monkeypatch.delenv("DOCKER_HOST")
    assert "DOCKER_HOST" not in containers.environment("image")
