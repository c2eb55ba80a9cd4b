"""The example of a prediction server, over real HTTP; tests/integration/test_pipeline.py serves a trained model."""

import json
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from PIL import Image

from tests.doubles.onnx_model import write_colour_model
from tests.integration.model_server import SERVER, serving
from tests.scenario import as_written

LARGEST = 5_000


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    model = write_colour_model(folder / "model")
    with serving(model, folder / "log", "--largest", str(LARGEST)) as server:
        (model / "model.onnx").unlink()  # it was loaded once, before the first request
        yield server


def png(colour):
    held = BytesIO()
    Image.new("RGB", (20, 12), colour).save(held, "png")
    return held.getvalue()


RED, GREEN, BLUE = (png(colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255)))


def test_a_picture_as_the_body_is_answered_with_class_and_probability(server):
    assert server.ask("POST", "/predict", GREEN) == (200, {"class": "green", "probability": 1.0})


def test_so_is_a_picture_in_a_form(server):
    assert server.form(BLUE) == (200, {"class": "blue", "probability": 1.0})


def test_many_at_once_get_each_its_own_answer(server):
    asked = [("red", RED), ("green", GREEN), ("blue", BLUE)] * 8
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda each: server.ask("POST", "/predict", each[1]), asked))
    assert [answer["class"] for _, answer in answers] == [name for name, _ in asked]


def test_it_says_that_it_is_well(server):
    assert server.ask("GET", "/healthz") == (200, {"status": "ok", "classes": 3})


@pytest.mark.parametrize("content", [b"not a picture", RED[:40], b"\xff\xd8\xff\xe0"])
def test_what_is_no_picture_is_refused_in_a_sentence(server, content):
    for status, answer in (server.ask("POST", "/predict", content), server.form(content)):
        assert (status, answer["error"]) == (400, "This is no picture that can be read. Take a whole JPEG or PNG file.")


def test_a_request_without_a_picture_is_told_where_to_put_it(server):
    status, answer = server.ask("POST", "/predict")
    assert (status, answer["error"][:21]) == (400, "The request is empty.")
    status, answer = server.form(b"apple", filename="")
    assert (status, answer["error"][:21]) == (400, "The form has no file.")


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=other"])
def test_a_form_that_cannot_be_read_is_refused_in_a_sentence(server, kind):
    status, answer = server.ask("POST", "/predict", b"--frontier\r\n", content_type=kind)
    assert status == 400
    assert answer["error"].startswith("The form ")


def raw(server, *pieces):
    """Status and JSON of the answer to bytes, sent as they are."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(b"\r\n".join(pieces))
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_read(server):
    head = (b"POST /predict HTTP/1.1", b"Host: here", b"Connection: close", b"Content-Length: 5001", b"", b"")
    status, answer = raw(server, *head)
    assert (status, answer["error"]) == (413, "The request is larger than 5,000 bytes. Send a smaller picture.")


@pytest.mark.parametrize("kind", [b"image/png", b"multipart/form-data; boundary=frontier"])
def test_a_body_that_does_not_say_its_size_is_refused_once_it_is_too_large(server, kind):
    head = (b"POST /predict HTTP/1.1", b"Host: here", b"Connection: close", b"Content-Type: " + kind)
    form = b'--frontier\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    content = form + bytes(LARGEST)
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)
    assert raw(server, *head, b"Transfer-Encoding: chunked", b"", chunk)[0] == 413


def test_other_addresses_and_methods_are_refused_in_json_too(server):
    assert server.ask("GET", "/") == (404, {"error": "Not Found"})
    assert server.ask("GET", "/predict") == (405, {"error": "Method Not Allowed"})


def test_without_a_model_it_does_not_start_and_says_why(tmp_path):
    argv = [sys.executable, str(SERVER), "--model", str(tmp_path)]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "model.config is missing" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_document_asks_it_as_written(tmp_path):
    (commands,) = as_written.blocks("docs/USING-A-MODEL.md", "Behind HTTP", "sh")
    start, *questions = commands.splitlines()
    assert start == "python examples/serve_model.py --model DIR --port 8000"
    (tmp_path / "apple.jpg").write_bytes(RED)
    with serving(write_colour_model(tmp_path / "model"), tmp_path / "log") as server:
        asked = "\n".join(questions).replace(":8000", f":{server.port}").replace("curl ", "curl --silent --fail ")
        answers = as_written.run(asked, tmp_path)
    red = '{"class":"red","probability":1.0}'
    assert answers == f'{red}{red}{{"status":"ok","classes":3}}'
