"""A Slack workspace on this machine, for unmodified slack_bolt and slack_sdk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from bot.clock import Clock, SystemClock
from bot.sandbox.slack.archive import Archive
from bot.sandbox.slack.connections import Connections
from bot.sandbox.slack.deliveries import EVENT_RETRIES, Deliveries, Refused
from bot.sandbox.slack.dialogs import Dialogs
from bot.sandbox.slack.drafts import Drafts
from bot.sandbox.slack.faults import Fault, FaultKind, Faults
from bot.sandbox.slack.feed import Feed, Subscription
from bot.sandbox.slack.hands import Hands
from bot.sandbox.slack.hooks import Hooks
from bot.sandbox.slack.interactions import Interactions, SlashCommand
from bot.sandbox.slack.line import Line
from bot.sandbox.slack.message import Message
from bot.sandbox.slack.page_api import PageApi
from bot.sandbox.slack.page_forms import PageForms
from bot.sandbox.slack.parts import Parts
from bot.sandbox.slack.people import APP_TOKEN, BOT, BOT_TOKEN, Channel
from bot.sandbox.slack.requests import Requests
from bot.sandbox.slack.server import HOST, LoopbackServer
from bot.sandbox.slack.sockets import Sockets
from bot.sandbox.slack.surfaces import Surfaces
from bot.sandbox.slack.uploads import Uploads
from bot.sandbox.slack.views import Views
from bot.sandbox.slack.web_api import WebApi
from bot.sandbox.slack.workspace import Workspace

ACK_SECONDS = 3.0


class SlackSandbox(Hands):
    """The Web API, Socket Mode or requests to the app's address, and a page, over one workspace kept in `home`.

    What people do beside typing is in `Hands`. `port` 0 takes a free one; `event_retries` are the seconds before
    each further try of an event. People are named by name, id or e-mail address; channels by #name or id. Every
    method may be called from any thread. What is asked for and not there raises `Refusal` (Slack's code) or
    `Refused` (the sentence a person would read).
    """

    bot_token = BOT_TOKEN
    app_token = APP_TOKEN

    def __init__(
        self,
        home: Path,
        *,
        port: int = 0,
        commands: Sequence[SlashCommand] = (),
        clock: Clock | None = None,
        ack_seconds: float = ACK_SECONDS,
        event_retries: Sequence[float] = EVENT_RETRIES,
    ) -> None:
        clock = clock or SystemClock()
        self._ack_seconds = ack_seconds
        self._server = LoopbackServer(port)
        self.port = self._server.port
        self.url = f"http://{HOST}:{self.port}"
        self.api_url = f"{self.url}/api/"
        self._clock = clock
        self._archive = Archive(home / "slack.db")
        self._feed = Feed()
        self._faults = Faults()
        self._subscriptions: list[Subscription] = []
        self._workspace = Workspace(self._archive, self._feed, clock)
        self._sockets = Sockets(self._feed, self._faults, ack_seconds=ack_seconds)
        self._line = Line(self._sockets)
        hooks = Hooks(self._archive, self._workspace, clock)
        uploads = Uploads(self._archive, home / "slack-files", clock)
        self._let_people_act(hooks, commands, event_retries)
        forms = PageForms(workspace=self._workspace, views=self._views, surfaces=self._surfaces, dialogs=self._dialogs)
        self._page = PageApi(
            workspace=self._workspace,
            interactions=self._interactions,
            forms=forms,
            line=self._line,
            feed=self._feed,
            faults=self._faults,
            commands=commands,
        )
        self._connections = Connections()
        parts = Parts(self._workspace, uploads, self._views, self._sockets, self.url)
        self._web_api = WebApi(parts, hooks, self._faults, self._connections)

    def _let_people_act(self, hooks: Hooks, commands: Sequence[SlashCommand], event_retries: Sequence[float]) -> None:
        drafts = Drafts()
        self._views = Views(self._archive, self._feed, drafts, self._clock)
        self._deliveries = Deliveries(
            workspace=self._workspace, line=self._line, hooks=hooks, clock=self._clock, event_retries=event_retries
        )
        self._interactions = Interactions(
            workspace=self._workspace,
            deliveries=self._deliveries,
            hooks=hooks,
            views=self._views,
            commands=commands,
            address=self.url,
        )
        self._surfaces = Surfaces(
            workspace=self._workspace,
            deliveries=self._deliveries,
            hooks=hooks,
            views=self._views,
            drafts=drafts,
            address=self.url,
        )
        self._dialogs = Dialogs(workspace=self._workspace, deliveries=self._deliveries, views=self._views)

    # Life

    def start(self) -> Self:
        """Answer; returns when it does."""
        application = Starlette(
            routes=[*self._web_api.routes(), *self._page.routes()],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
        )
        self._server.start(application, self._connections.protocol())
        return self

    def stop(self) -> None:
        """Close everything; messages can still be read, and the next sandbox in `home` goes on from them."""
        for subscription in list(self._subscriptions):
            subscription.close()
        self._subscriptions.clear()
        self._server.stop()
        self._archive.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    # A person

    def type(self, user: str, text: str, channel: str = "#training", *, thread_ts: str | None = None) -> str:
        """Type into the text box: a message, or with a slash a command.

        For a command: what the person sees at once (the acknowledgement, a time-out, or Slack's own refusal),
        "" if that is nothing. For a message: "".
        """
        person, where = self._workspace.person(user), self._server.call(lambda: self._workspace.channel(channel))
        if not text.startswith("/"):
            self._server.call(lambda: self._workspace.post(where.id, person.id, text, thread_ts=thread_ts))
            return ""
        try:
            return self._server.run(self._interactions.command(person, where, text, thread_ts))
        except Refused as refused:
            return str(refused)

    def click(self, user: str, message_ts: str, action_id: str) -> str:
        """Press a button of a message: "" when the app acknowledged it, otherwise what the person sees."""
        return self.press(user, action_id, on=message_ts)

    # What is there

    def messages(self, channel: str = "#training") -> list[Message]:
        """What shows in a channel, oldest first, without ephemeral messages."""
        return self._server.call(lambda: self._workspace.history(self._workspace.channel(channel).id))

    def thread(self, channel: str, ts: str) -> list[Message]:
        """A root and its replies, oldest first."""
        return self._server.call(lambda: list(self._workspace.thread(self._workspace.channel(channel).id, ts)))

    def ephemerals(self, user: str) -> list[Message]:
        """What only this person sees, oldest first."""
        return self._server.call(lambda: self._workspace.ephemerals(self._workspace.person(user).id))

    def subscribe(self) -> Subscription:
        """Events from now on: {"type": "message" | "changed" | "deleted" | "app", ...} as the page gets them."""
        subscription = Subscription(self._feed)
        self._subscriptions.append(subscription)
        return subscription

    @property
    def links(self) -> list[tuple[str, str]]:
        """Text and address of what the page links to beside its channels; append to it."""
        return self._page.links

    # Slack itself

    @property
    def connected(self) -> bool:
        """Whether the app can hear: it has a socket open, or an address that was verified."""
        return self._line.connected

    def use_http(self, request_url: str, signing_secret: str) -> None:
        """From now on POST commands, interactions and events to this address, signed, and use no socket.

        Raises `Refusal` (`url_not_verified`) for an address that does not send Slack's challenge back.
        """
        requests = Requests(request_url, signing_secret, self._faults, self._clock, ack_seconds=self._ack_seconds)
        self._server.run(requests.verify())
        self._line.carrier = requests
        self._feed.publish({"type": "app", "connected": True})

    def fault(self, method: str, kind: FaultKind, *, times: int = 1, retry_after: float = 1.0) -> None:
        """Make the next calls of a method misbehave; the kinds are explained in `faults.Fault`."""
        self._faults.plan(method, Fault(kind, retry_after), times=times)

    def behave(self) -> None:
        """Forget the faults still to come."""
        self._faults.clear()

    def disconnect(self, reason: str = "refresh_requested") -> None:
        """Tell the app's sockets to reconnect, as Slack does every few hours; `warning` announces it only."""
        self._server.run(self._sockets.disconnect(reason))

    def cut_sockets(self) -> None:
        """Break the app's sockets without a word."""

        def cut() -> None:
            for peer in self._sockets.addresses():
                self._connections.cut(peer)

        self._server.call(cut)

    def redeliver(self) -> str:
        """Send the last command or click once more in the same envelope; what the person sees, as in `type`."""
        return self._server.run(self._deliveries.again())

    def send_event(self, event: dict[str, Any]) -> None:
        """Deliver an Events API event such as {"type": "app_mention", ...} and wait for its acknowledgement.

        Raises `Undelivered` when there is none; it is delivered again then, as Slack does.
        """
        self._server.run(self._deliveries.event(event))

    def archive_channel(self, channel: str) -> None:
        """Archive a channel: the app is refused with `is_archived` from then on."""
        self._change(channel, lambda old: replace(old, is_archived=True))

    def remove_bot(self, channel: str) -> None:
        """Throw the bot out of a channel: `not_in_channel` until somebody types /invite @Stationmaster."""
        self._change(channel, lambda old: replace(old, members=tuple(each for each in old.members if each != BOT.id)))

    def _change(self, channel: str, changed: Callable[[Channel], Channel]) -> None:
        self._server.call(lambda: self._workspace.put_channel(changed(self._workspace.channel(channel))))
