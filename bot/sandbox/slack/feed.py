"""News for whoever watches: the page's live socket, `demo --once` and tests."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

Event = dict[str, Any]
Listener = Callable[[Event], None]


class Feed:
    """Hands each event to every listener that may see it, in the thread that publishes."""

    def __init__(self) -> None:
        self._listeners: dict[Listener, str | None] = {}

    @contextmanager
    def listen(self, listener: Listener, *, person: str | None = None) -> Iterator[None]:
        """Within the block `listener` gets every event; with `person`, nobody else's ephemeral messages."""
        self.add(listener, person)
        try:
            yield
        finally:
            self.remove(listener)

    def add(self, listener: Listener, person: str | None = None) -> None:
        """`listen` without an end."""
        self._listeners[listener] = person

    def remove(self, listener: Listener) -> None:
        """The end of `add`."""
        del self._listeners[listener]

    def publish(self, event: Event, *, to: str | None = None) -> None:
        """Tell everyone, or with `to` only that person's listeners and those of nobody in particular."""
        for listener, person in list(self._listeners.items()):
            if to is None or person is None or person == to:
                listener(event)


class Subscription:
    """New events in order, for a thread that waits for them.

    A context manager and an iterator; the iteration ends when the stand-in stops or `close` is called.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._put = self._events.put  # one object: each look at a method makes another
        self._open = True
        feed.add(self._put)

    def __iter__(self) -> Iterator[Event]:
        """Events until the end; blocks between them."""
        while (event := self._events.get()) is not None:
            yield event

    def wait(self, wanted: Callable[[Event], bool], *, seconds: float = 10.0) -> Event:
        """The next event for which `wanted` holds; the ones before it are consumed.

        Raises:
            TimeoutError: nothing of the kind came within `seconds`, or the stand-in stopped.
        """
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                event = self._events.get(timeout=left)
            except queue.Empty:
                break
            if event is None:
                break
            if wanted(event):
                return event
        raise TimeoutError(f"no such event came within {seconds} s")

    def close(self) -> None:
        """Stop listening and end the iteration."""
        if self._open:
            self._open = False
            self._feed.remove(self._put)
            self._events.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
