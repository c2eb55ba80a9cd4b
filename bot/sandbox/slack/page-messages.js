// Messages as rows: who and when, days, runs of one author, threads, and what only one person sees.

import { attachment, blocks, file } from "./page-blocks.js";
import { el, icon } from "./page-dom.js";
import { emoji } from "./page-emoji.js";
import { ago, clock, day, full, mrkdwn, person } from "./page-mrkdwn.js";
import { unseenReplies } from "./page-world.js";

const GROUP_SECONDS = 300;
const COLOURS = 8;

/** A message's name on the page: an ephemeral has none of Slack's own. */
export const keyOf = (message) => (message.ephemeral ? `e-${message.ephemeral_id}` : message.ts);
export const isReply = (message) => Boolean(message.thread_ts) && message.thread_ts !== message.ts;
export const moment = (ts) => new Date(Number(ts) * 1000);

/** The rows of one channel: its days, the line above what is new, and the messages. */
export function channelRows(messages, world) {
  return withDays(messages, world, world.newFrom);
}

/** The rows of one thread: the root, how many replies, the replies. */
export function threadRows([root, ...replies], world) {
  if (!root) return [el("p", { class: "muted empty" }, "This thread is not here any more.")];
  const count = replies.filter((reply) => !reply.ephemeral).length;
  const line = el("div", { class: "count", "data-key": "count" }, el("span", {}, count ? plural(count) : "No replies yet"));
  return [row(root, null, world, true), line, ...replies.map((reply, at) => row(reply, replies[at - 1], world, true))];
}

/** A person's initials or an app's sign. */
export function avatar(user) {
  if (user?.icon) return el("span", { class: "avatar app", "aria-hidden": "true" }, emoji(user.icon));
  if (!user || user.is_bot) return el("span", { class: "avatar app", "aria-hidden": "true" }, icon("train"));
  const initials = person(user).split(/\s+/).map((word) => word[0]).slice(0, 2).join("");
  const tint = [...user.id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % COLOURS;
  return el("span", { class: `avatar tint${tint}`, "aria-hidden": "true" }, initials.toUpperCase());
}

function withDays(messages, world, newFrom) {
  const rows = [];
  let previous = null;
  for (const message of messages) {
    const name = day(moment(message.ts));
    if (!previous || day(moment(previous.ts)) !== name) {
      rows.push(separator("day", `day-${name}`, name, name));
      previous = null;
    }
    if (newFrom && message.ts === newFrom) {
      rows.push(separator("new", "new", "New messages", "New"));
      previous = null;
    }
    rows.push(row(message, previous, world, false));
    previous = message;
  }
  return rows;
}

function separator(kind, key, label, text) {
  return el("div", { class: kind, role: "separator", "aria-label": label, "data-key": key }, el("span", {}, text));
}

/** A message, drawn anew only when something that shows in it has changed. */
function row(message, previous, world, inThread) {
  const grouped = follows(message, previous);
  const files = (message.files ?? []).flatMap(({ id }) => [world.previews.get(id), world.expanded.has(id)]);
  const thread = !inThread && message.reply_count > 0 && [unread(message), ago(moment(message.latest_reply))];
  const combos = (message.blocks ?? []).some(asks) && Symbol("drawn each time"); // what is typed there changes without it
  const depends = [message, combos, grouped, inThread, world.users, world.channels, ...files, ...(thread || [])];
  return { key: keyOf(message), depends, draw: () => article(message, grouped, world, inThread) };
}

const asks = ({ elements = [], accessory, element }) =>
  [...elements, accessory, element].some((item) => item?.type?.endsWith("external_select"));

function article(message, grouped, world, inThread) {
  const user = world.users.get(message.user);
  const name = user ? person(user) : message.user;
  const when = moment(message.ts);
  const time = el("time", { datetime: when.toISOString(), title: full(when) }, clock(when));
  const kinds = ["message", grouped && "grouped", message.ephemeral && "ephemeral", message.user === "USLACKBOT" && "failure"];
  const label = `${name}, ${clock(when)}`;
  const attributes = { class: kinds.filter(Boolean).join(" "), "data-key": keyOf(message), "aria-label": label };
  return el("article", attributes,
    el("div", { class: "gutter" }, grouped ? time : avatar(user)),
    el("div", { class: "body" },
      message.ephemeral && onlyYou(message),
      !grouped && el("div", { class: "meta" }, el("b", {}, name), message.bot && el("span", { class: "badge" }, "App"), time),
      message.subtype === "thread_broadcast" && !inThread && opener(message, { class: "plain broadcast" }, "replied to a thread"),
      content(message, world, inThread),
      !inThread && message.reply_count > 0 && footer(message)),
    !inThread && !message.ephemeral && el("div", { class: "tools" },
      opener(message, { class: "plain", title: "Reply in thread", "aria-label": "Reply in thread" }, icon("reply"))));
}

/** A button that opens the thread a message belongs to. */
function opener(message, attributes, ...children) {
  const root = message.thread_ts ?? message.ts;
  return el("button", { type: "button", "data-do": "thread", "data-root": root, ...attributes }, children);
}

function follows(message, previous) {
  return previous !== null && previous !== undefined && previous.user === message.user
    && previous.ephemeral === message.ephemeral && !message.ephemeral && message.subtype === previous.subtype
    && Number(message.ts) - Number(previous.ts) < GROUP_SECONDS && !previous.reply_count && !message.blocks;
}

function content(message, world, inThread) {
  const text = message.text && !message.blocks?.length ? mrkdwn(message.text, world) : [];
  const form = { id: `${inThread ? "t" : "c"}-${keyOf(message)}` }; // a root stands in its channel and in its thread
  const edited = message.edited && !message.bot && el("span", { class: "muted edited" }, "(edited)");
  return el("div", { class: message.subtype === "channel_join" ? "content muted" : "content" },
    message.blocks?.length ? el("div", { class: "blocks" }, blocks(message.blocks, { ...world, form })) : text, edited,
    (message.attachments ?? []).map((item) => attachment(item, world)),
    (message.files ?? []).map((item) => file(item, world)),
    message.reactions?.length > 0 && el("div", { class: "reactions" }, message.reactions.map(reaction)));
}

const reaction = ({ name, count }) => el("span", { title: `:${name}:` }, `${emoji(name)} ${count}`);

function onlyYou(message) {
  return el("div", { class: "only-you" }, icon("eye"), "Only visible to you",
    el("button", { type: "button", class: "plain", "data-do": "dismiss" }, "Dismiss"));
}

const unread = (message) => unseenReplies(message).length;

function footer(message) {
  const fresh = unread(message);
  return opener(message, { class: "replies" },
    fresh > 0 && el("span", { class: "dot", role: "img", "aria-label": "Unread replies" }),
    el("b", {}, plural(message.reply_count)),
    fresh > 0 && el("span", { class: "fresh" }, `${fresh} new`),
    el("span", { class: "muted last" }, `Last reply ${ago(moment(message.latest_reply))}`),
    el("span", { class: "muted view" }, "View thread"));
}

const plural = (count) => (count === 1 ? "1 reply" : `${count} replies`);
