// What the page knows: who and where one is, every message in sight, and how far it was read. Nothing here is drawn.

import { isReply, keyOf } from "./page-messages.js";

export const world = {
  me: { id: new URLSearchParams(location.search).get("user") }, team: { name: "" }, users: new Map(), channels: new Map(),
  commands: [], links: [], app: null, online: true, // app: whether the bot is connected, once that is known
  channel: null, messages: new Map(), // channel -> messages, oldest first
  root: null, thread: null, // the open thread: its root's ts, then root and replies; null until they are here
  read: {}, newFrom: null, // "C" or "C/root" -> last ts seen; where the line "New" stands
  previews: new Map(), expanded: new Set(), // file -> its first lines; the files shown at length
  modals: [], home: null, tab: "messages", // what is open, the uppermost last; the app's Home and whether one looks at it
  errors: new Map(), alerts: new Map(), busy: null, // view -> sentences by block; view -> what failed; the view being sent
  combos: new Map(), // control -> what is open, found and chosen in it
  changed: () => {}, notice: () => {}, unread: (channel) => unseen(channel).length,
};

/** Take in the answer of /sandbox/state, and what was read in earlier visits. */
export function learn(state) {
  const byId = (items) => new Map(items.map((item) => [item.id, item]));
  Object.assign(world, { ...state, users: byId(state.users), channels: byId(state.channels), links: state.links ?? [] });
  world.read = JSON.parse(localStorage.getItem(`read-${world.me.id}`) ?? "{}");
}

/** Put a message where it belongs: its channel, the open thread, or both. An edit (`add` false) brings back none that left. */
export function place(message, add) {
  const inThread = world.thread && message.channel === world.channel && (message.thread_ts ?? message.ts) === world.root;
  if (inChannel(message)) world.messages.set(message.channel, put(world.messages.get(message.channel) ?? [], message, add));
  if (inThread) world.thread = put(world.thread, message, add || isReply(message));
}

export const inChannel = (message) => !isReply(message) || message.subtype === "thread_broadcast";

function put(messages, message, add) {
  const at = messages.findIndex((old) => keyOf(old) === keyOf(message));
  if (at >= 0) return messages.map((old, index) => (index === at ? message : old));
  return add ? [...messages, message].sort((a, b) => (a.ts < b.ts ? -1 : 1)) : messages;
}

export function forget(gone) {
  const keep = (messages) => messages.filter((message) => keyOf(message) !== gone);
  for (const [channel, messages] of world.messages) world.messages.set(channel, keep(messages));
  if (world.thread) world.thread = keep(world.thread);
}

export function find(key) {
  return [...(world.thread ?? []), ...(world.messages.get(world.channel) ?? [])].find((message) => keyOf(message) === key);
}

/** What others said in a channel since one last looked. */
export function unseen(channel) {
  const since = world.read[channel] ?? "";
  const fromOthers = (message) => message.user !== world.me.id && !message.ephemeral;
  return (world.messages.get(channel) ?? []).filter((message) => message.ts > since && fromOthers(message));
}

const calls = ({ pings = [] }) => pings.some((ping) => ping === world.me.id || /^!(channel|here|everyone)$/.test(ping));

/** How much of it calls one by name; everything does in a direct conversation. */
export function mentions(channel) {
  return channel.id.startsWith("D") ? unseen(channel.id).length : unseen(channel.id).filter(calls).length;
}

/** What others replied to `root` since one last looked into its thread. */
export function unseenReplies(root) {
  const since = world.read[`${root.channel}/${root.ts}`] ?? world.read.since ?? "";
  return (root.replies ?? []).filter(({ ts, user }) => ts > since && user !== world.me.id);
}

/** The threads one takes part in that go on unseen, the oldest first: {root, replies, mentions}. */
export function openThreads() {
  const mine = (one) => one.user === world.me.id || calls(one);
  const roots = [...world.messages.values()].flat().filter((root) => root.replies?.length && [root, ...root.replies].some(mine));
  const threads = roots.map((root) => ({ root, replies: unseenReplies(root) })).filter(({ replies }) => replies.length);
  return threads.map((thread) => ({ ...thread, mentions: thread.replies.filter(calls).length }));
}

/** At a first visit nothing that was said before counts as unread. */
export function beginReading() {
  if (world.read.since !== undefined) return;
  const said = [...world.messages.values()].flat();
  world.read.since = said.flatMap(({ ts, replies = [] }) => [ts, ...replies.map((one) => one.ts)]).sort().at(-1) ?? "0";
  keepRead();
}

/** Count `messages` as read under `name`; true when that is news. */
export function markRead(name, messages) {
  const last = messages.findLast((message) => !message.ephemeral)?.ts ?? "0";
  if (last <= (world.read[name] ?? "")) return false;
  world.read[name] = last;
  keepRead();
  return true;
}

const keepRead = () => localStorage.setItem(`read-${world.me.id}`, JSON.stringify(world.read));
