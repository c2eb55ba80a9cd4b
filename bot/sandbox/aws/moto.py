"""moto behind a plain function, with an account of its own for each sandbox.

moto keeps its state in the process, by account; the account number in a header keeps two sandboxes of one process
(two tests) apart.
"""

from __future__ import annotations

import itertools
import threading
from typing import Any

from moto.backends import get_backend
from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY, environ_key_for_header
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import run_wsgi_app

from bot.sandbox.aws.http import Answer, Request

_accounts = itertools.count(100_000_000_001)


class Moto:
    """One account in one region."""

    def __init__(self, region: str) -> None:
        self.region = region
        self.account = str(next(_accounts))
        self.port = 0
        self._guard = threading.Lock()
        self._apps: dict[str, Any] = {}
        self._any = DomainDispatcherApplication(create_backend_app)

    def answer(self, request: Request, service: str = "") -> Answer:
        """What moto says to `request`; without a `service` moto finds out itself, which takes it a millisecond."""
        environ = request.environ("127.0.0.1", self.port)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self.account
        # WSGI cannot tell `a_b` from `a-b` in a header's name; moto takes the true spelling of S3 metadata from here.
        environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = {
            environ_key_for_header(name): name for name in request.headers if "_" in name
        }
        app = self._app(service) if service else self._any
        chunks, status, headers = run_wsgi_app(app, environ, buffered=True)
        return Answer(int(status.split(" ", 1)[0]), tuple(headers.to_wsgi_list()), b"".join(chunks))

    def _app(self, service: str) -> Any:
        with self._guard:
            if service not in self._apps:
                self._apps[service] = create_backend_app(service)
            return self._apps[service]

    @property
    def s3(self) -> Any:
        """S3 of this account."""
        return get_backend("s3")[self.account]["aws"]

    @property
    def ec2(self) -> Any:
        """EC2 of this account and region."""
        return get_backend("ec2")[self.account][self.region]

    def forget(self) -> None:
        """Take this account out of the process."""
        for service in ("s3", "ec2"):
            get_backend(service).pop(self.account, None)
