// The left side: the workspace, its channels, its apps, the ways out, and who one is.

import { el, icon } from "./page-dom.js";
import { link, person } from "./page-mrkdwn.js";
import { avatar } from "./page-messages.js";

/** Slack's own voice is no app. */
export const isApp = (user) => user.is_bot && user.id !== "USLACKBOT";
export const isDirect = (channel) => channel.id.startsWith("D");

export function sidebar(world) {
  const everyone = [...world.users.values()];
  const channels = [...world.channels.values()].filter((channel) => !isDirect(channel));
  return [
    el("div", { class: "team" }, el("b", {}, world.team.name), el("span", {}, "Local sandbox")),
    group("Channels", channels.map((channel) => channelItem(channel, icon("hash"), world))),
    group("Apps", everyone.filter(isApp).map((user) => appItem(user, world))),
    world.links.length > 0 && group("Elsewhere", world.links.map(linkItem)),
    el("div", { class: "foot" },
      group("You are", everyone.filter((user) => !user.is_bot).map((user) => personItem(user, world))),
      el("p", { class: "note" }, "Local sandbox: nothing here leaves this machine.")),
  ].filter(Boolean);
}

function group(title, items) {
  return el("section", { "aria-label": title }, el("h2", {}, title), el("ul", {}, items.map((item) => el("li", {}, item))));
}

function linkItem({ url, text }) {
  return link(url, [icon("out"), el("span", {}, text)]);
}

function channelItem(channel, sign, world) {
  const unread = world.unread(channel.id);
  const here = channel.id === world.channel;
  return el("a", { href: `#${channel.name}`, class: unread > 0 && "unread", "aria-current": here && "page" },
    sign, el("span", {}, channel.name),
    unread > 0 && el("span", { class: "number", role: "img", "aria-label": `${unread} unread` }, String(unread)));
}

// The messages between the app and this person alone, once there are any; its Home tab will open from here too.
function appItem(user, world) {
  const direct = [...world.channels.values()].find((channel) => isDirect(channel) && channel.name === person(user));
  const item = direct ? channelItem(direct, avatar(user), world) : el("div", {}, avatar(user), el("span", {}, person(user)));
  if (world.app === null) return item;
  const state = world.app ? "connected" : "not connected";
  item.append(el("span", { class: world.app ? "presence on" : "presence", role: "img", title: state, "aria-label": state }));
  return item;
}

function personItem(user, world) {
  const me = user.id === world.me.id;
  const href = `/?user=${encodeURIComponent(user.id)}#${world.channels.get(world.channel).name}`;
  return el("a", { href, "aria-current": me && "true", title: me ? null : `Go on as ${person(user)}` },
    avatar(user), el("span", {}, person(user)), el("span", { class: "you" }, me ? "you" : "switch"));
}
