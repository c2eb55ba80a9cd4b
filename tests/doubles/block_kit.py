"""Slack's blocks as one writes them by hand: no check, so that a test can break a rule with them."""


def plain(text):
    return {"type": "plain_text", "text": text}


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def section(text):
    return {"type": "section", "text": mrkdwn(text)}


def fields(*texts):
    return {"type": "section", "fields": [mrkdwn(text) for text in texts]}


def header(text):
    return {"type": "header", "text": plain(text)}


def context(*texts):
    return {"type": "context", "elements": [mrkdwn(text) for text in texts]}


def button(text="Go", **more):
    return {"type": "button", "text": plain(text), **more}


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def image(**more):
    return {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a curve", **more}


def confirm(title="Stop it?"):
    return {"title": plain(title), "text": mrkdwn("Sure?"), "confirm": plain("Yes"), "deny": plain("No")}


def options(count):
    return [{"text": plain(str(number)), "value": str(number)} for number in range(count)]


def select(count):
    return {"type": "static_select", "options": options(count)}
