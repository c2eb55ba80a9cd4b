"""A prediction server, as small as one can be: a picture in, its class and probability out as JSON.

    pip install onnxruntime numpy pillow starlette uvicorn python-multipart
    python examples/serve_model.py --model models/fruits
    curl --data-binary @apple.jpg http://127.0.0.1:8000/predict
    curl -F image=@apple.jpg http://127.0.0.1:8000/predict

An application of your own copies `trainer/pipeline/score.py` and takes from here what it needs. There is no login:
whoever reaches the port may ask. It listens on this machine alone unless `--host` says otherwise.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncGenerator
from io import BytesIO
from pathlib import Path
from typing import IO

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from trainer.pipeline.score import Model, ScoreError

LARGEST = 10_000_000
"""Bytes of a request's body; a photograph of today's telephones has three to five million."""


def application(model: Model, largest: int = LARGEST) -> Starlette:
    """The server's routes around a model that was loaded once; bodies of more than `largest` bytes are refused."""

    async def predict(request: Request) -> JSONResponse:
        picture = await _picture(request, largest)
        try:
            # In a thread: while one picture is scored, others are received and /healthz answers.
            found = await run_in_threadpool(model.score, picture)
        except ScoreError as error:
            raise HTTPException(400, str(error)) from error
        return JSONResponse({"class": found.label, "probability": round(found.probability, 6)})

    async def healthz(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "classes": len(model.classes)})

    routes = [Route("/predict", predict, methods=["POST"]), Route("/healthz", healthz)]
    return Starlette(routes=routes, exception_handlers={HTTPException: _refusal})


async def _picture(request: Request, largest: int) -> IO[bytes]:
    """The body, or the one file of a form.

    Raises:
        HTTPException: there is none, or it is too large.
    """
    body = _body(request, largest)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        content = b"".join([piece async for piece in body])
        if not content:
            raise HTTPException(400, "The request is empty. Send a picture as its body, or as a file of a form.")
        return BytesIO(content)
    try:
        form = await MultiPartParser(request.headers, body, max_files=1).parse()
    except (MultiPartException, KeyError) as error:  # KeyError: the header names no boundary
        raise HTTPException(400, "The form cannot be read. Send one picture, as one file of it.") from error
    files = [value for value in form.values() if isinstance(value, UploadFile)]
    if not files:
        raise HTTPException(400, "The form has no file. Send one picture, as one file of it.")
    return files[0].file


async def _body(request: Request, largest: int) -> AsyncGenerator[bytes, None]:
    """The body in pieces, never more than `largest` bytes: what it claims to be, and then what it is."""
    refusal = HTTPException(413, f"The request is larger than {largest:,} bytes. Send a smaller picture.")
    claimed = request.headers.get("content-length", "")
    if claimed.isdigit() and int(claimed) > largest:
        raise refusal
    seen = 0
    async for piece in request.stream():
        seen += len(piece)
        if seen > largest:
            raise refusal
        yield piece


async def _refusal(_request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    sentence = error.detail if isinstance(error, HTTPException) else "Something unforeseen happened."
    return JSONResponse({"error": sentence}, status)


def main(argv: list[str] | None = None) -> int:
    """Load the model, and serve until somebody ends it; 1 when there is no model to load."""
    parser = argparse.ArgumentParser(description="Answer what is on a picture, over HTTP.")
    parser.add_argument("--model", type=Path, default=Path(), metavar="DIR", help="the folder of model.config")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1: this machine alone)")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    parser.add_argument("--largest", type=int, default=LARGEST, metavar="BYTES", help="of a request")
    options = parser.parse_args(argv)
    try:
        model = Model.load(options.model)
    except ScoreError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    uvicorn.run(application(model, options.largest), host=options.host, port=options.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
