// The left side: the workspace, its channels, its apps, the ways out, and who one is.

import { el, icon } from "./page-dom.js";
import { link, person } from "./page-mrkdwn.js";
import { avatar } from "./page-messages.js";

export function sidebar(world) {
  const everyone = [...world.users.values()];
  return [
    el("div", { class: "team" }, el("b", {}, world.team.name), el("span", {}, "Local Slack sandbox")),
    group("Channels", [...world.channels.values()].map((channel) => channelItem(channel, world))),
    group("Apps", everyone.filter((user) => user.is_bot).map((user) => appItem(user, world))),
    world.links.length > 0 && group("Elsewhere", world.links.map((item) => link(item.url, [icon("out"), el("span", {}, item.text)]))),
    el("div", { class: "foot" },
      group("You are", everyone.filter((user) => !user.is_bot).map((user) => personItem(user, world))),
      el("p", { class: "note" }, "Local sandbox: nothing here leaves this machine.")),
  ].filter(Boolean);
}

function group(title, items) {
  return el("section", { "aria-label": title }, el("h2", {}, title), el("ul", {}, items.map((item) => el("li", {}, item))));
}

function channelItem(channel, world) {
  const unread = world.unread(channel.id);
  return el("a", { href: `#${channel.name}`, class: unread ? "unread" : null, "aria-current": channel.id === world.channel ? "page" : null },
    icon("hash"), el("span", {}, channel.name), unread > 0 && el("span", { class: "number", "aria-label": `${unread} unread` }, String(unread)));
}

// An app's Home tab will open from here.
function appItem(user, world) {
  const state = { true: "connected", false: "not connected" }[world.app] ?? "";
  return el("div", { class: "item" }, avatar(user), el("span", {}, person(user)), state && el("span", { class: `presence ${world.app ? "on" : ""}`, role: "img", title: state, "aria-label": state }));
}

function personItem(user, world) {
  const query = new URLSearchParams({ user: user.id });
  return el("a", { href: `/?${query}${location.hash}`, "aria-current": user.id === world.me.id ? "true" : null },
    avatar(user), el("span", {}, person(user)), user.id === world.me.id && el("span", { class: "you" }, "you"));
}
