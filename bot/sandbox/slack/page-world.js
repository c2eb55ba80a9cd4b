// What the page knows: who and where one is, every message in sight, and how far it was read. Nothing here is drawn.

import { isReply, keyOf } from "./page-messages.js";

export const world = {
  me: { id: new URLSearchParams(location.search).get("user") }, team: { name: "" }, users: new Map(), channels: new Map(),
  commands: [], links: [], app: null, online: true, // app: whether the bot is connected, once that is known
  channel: null, messages: new Map(), // channel -> messages, oldest first
  root: null, thread: null, // the open thread: its root's ts, then root and replies; null until they are here
  read: {}, newFrom: null, // "C" or "C/root" -> last ts seen; where the line "New" stands
  previews: new Map(), expanded: new Set(), // file -> its first lines; the files shown at length
  changed: () => {}, unread: (channel) => unseen(channel).length,
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

/** Count `messages` as read under `name`; true when that is news. */
export function markRead(name, messages) {
  const last = messages.findLast((message) => !message.ephemeral)?.ts ?? "0";
  if (last <= (world.read[name] ?? "")) return false;
  world.read[name] = last;
  localStorage.setItem(`read-${world.me.id}`, JSON.stringify(world.read));
  return true;
}
