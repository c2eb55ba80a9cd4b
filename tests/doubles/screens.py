"""The `Screens` door, remembering what was shown."""

from bot.errors import NotFound


class FakeScreens:
    def __init__(self):
        self.modals, self.homes, self.replaced = {}, {}, {}

    def open(self, trigger, view):
        identity = f"V{len(self.modals) + 1} by {trigger}"
        self.modals[identity] = view
        return identity

    def push(self, trigger, view):
        return self.open(trigger, view)

    def update(self, view_id, view):
        if view_id not in self.modals:
            raise NotFound("Slack refused views.update: not_found")
        self.modals[view_id] = view

    def home(self, user, view):
        self.homes[user] = view

    def replace(self, address, message):
        self.replaced[address] = message
