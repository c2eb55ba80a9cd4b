// The left side: the workspace, its channels, its apps, the ways out, and who one is.

import { el, icon } from "./page-dom.js";
import { link, person } from "./page-mrkdwn.js";
import { avatar } from "./page-messages.js";
import { mentions, openThreads } from "./page-world.js";

/** Slack's own voice is no app. */
export const isApp = (user) => user.is_bot && user.id !== "USLACKBOT";
export const isDirect = (channel) => channel.id.startsWith("D");

export function sidebar(world) {
  const everyone = [...world.users.values()];
  const channels = [...world.channels.values()].filter((channel) => !isDirect(channel));
  return [
    el("div", { class: "team" }, el("b", {}, world.team.name), el("span", {}, "Local sandbox")),
    threads(world),
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
  const here = channel.id === world.channel && world.tab !== "home";
  return item(`#${channel.name}`, sign, channel.name, here, world.unread(channel.id), mentions(channel));
}

/** A way to somewhere, bold with what is unread there; red when some of it calls one by name. */
function item(href, sign, name, here, unread, called) {
  const said = called > 0 && called < unread ? `${unread} unread, ${called} for you` : `${unread} unread`;
  return el("a", { href, class: unread > 0 && "unread", "aria-current": here && "page" },
    sign, el("span", {}, name),
    unread > 0 && el("span", { class: called > 0 ? "number called" : "number", role: "img", "aria-label": said }, String(called || unread)));
}

/** Leads to the oldest thread of one's own that went on unseen. */
function threads(world) {
  const open = openThreads();
  if (!open.length) return null;
  const sum = (count) => open.reduce((total, thread) => total + count(thread), 0);
  const { root } = open[0];
  const href = `#${world.channels.get(root.channel).name}/${root.ts}`;
  const link = item(href, icon("reply"), "Threads", false, sum(({ replies }) => replies.length), sum((thread) => thread.mentions));
  return el("section", { "aria-label": "Threads" }, el("ul", {}, el("li", {}, link)));
}

/** The app: its messages while some are unread, otherwise its Home. */
function appItem(user, world) {
  const direct = [...world.channels.values()].find((channel) => isDirect(channel) && channel.name === person(user));
  if (!direct) return el("div", {}, avatar(user), el("span", {}, person(user)));
  const unread = world.unread(direct.id);
  const href = unread ? `#${direct.name}` : `#${direct.name}/home`;
  const link = item(href, avatar(user), person(user), direct.id === world.channel, unread, unread);
  if (world.app === null) return link;
  const state = world.app ? "connected" : "not connected";
  link.append(el("span", { class: world.app ? "presence on" : "presence", role: "img", title: state, "aria-label": state }));
  return link;
}

function personItem(user, world) {
  const me = user.id === world.me.id;
  const place = `${world.channels.get(world.channel).name}${world.tab === "home" ? "/home" : ""}`;
  const href = `/?user=${encodeURIComponent(user.id)}#${place}`;
  return el("a", { href, "aria-current": me && "true", title: me ? null : `Go on as ${person(user)}` },
    avatar(user), el("span", {}, person(user)), el("span", { class: "you" }, me ? "you" : "switch"));
}
