// The page of the sandbox's Slack: what is known (`world`), what changes it, and what a click does.

import { Composer } from "./page-composer.js";
import { el, icon, patch } from "./page-dom.js";
import { text as words } from "./page-blocks.js";
import { get, listen, post } from "./page-live.js";
import { channelRows, isReply, keyOf, threadRows } from "./page-messages.js";
import { encode, mrkdwn, person } from "./page-mrkdwn.js";
import { Scroller } from "./page-scroller.js";
import { sidebar } from "./page-sidebar.js";

const $ = (id) => document.getElementById(id);
const EXAMPLES = { "/train": ["/train main v1.0.0", "to train the sample project"] };
const BANNER_AFTER = 800;
const TICK = 20_000;

const world = {
  me: { id: new URLSearchParams(location.search).get("user") }, team: { name: "" }, users: new Map(), channels: new Map(),
  commands: [], links: [], app: null, online: true,
  channel: null, messages: new Map(), // channel -> messages, oldest first
  root: null, thread: [], // the open thread: its root's ts, root and replies
  read: {}, newFrom: null, // "C" or "C/root" -> last ts seen; where the line "New" stands
  previews: new Map(), expanded: new Set(), notices: [], // notices: said by this page alone
  changed, unread,
};
let loading = null; // events that came while the messages are being fetched
let drawing = false;
let opener = null; // what had the focus before the thread opened

const list = new Scroller($("channel-view"), { bottom: seen });
const replies = new Scroller($("thread-view"), { bottom: seen });
const composer = new Composer($("channel-view").querySelector(".slot"), { world, label: "Message", send: (text) => say(text) });
const reply = new Composer($("thread-view").querySelector(".slot"), { world, label: "Reply …", thread: true, send: (text) => say(text, world.root) });

// ---- what is known ----

async function start() {
  try {
    await know();
  } catch {
    offline();
    setTimeout(start, 1000);
    return;
  }
  listen(world.me.id, { opened: reload, heard: (event) => (loading ? loading.push(event) : heard(event)), lost: offline });
}

async function know() {
  const state = await get("state", world.me.id ? { user: world.me.id } : {}).catch(() => get("state", {}));
  const byId = (items) => new Map(items.map((item) => [item.id, item]));
  Object.assign(world, { ...state, users: byId(state.users), channels: byId(state.channels), links: state.links ?? [] });
  world.read = JSON.parse(localStorage.getItem(`read-${world.me.id}`) ?? "{}");
}

/** At every connection: whatever was missed is fetched; what arrives meanwhile waits its turn. */
async function reload() {
  loading = [];
  try {
    await know();
    await Promise.all([...world.channels.keys()].map(async (channel) => {
      const { messages } = await get("messages", { channel, user: world.me.id });
      world.messages.set(channel, messages);
      world.read[channel] ??= messages.at(-1)?.ts ?? "0";
    }));
    world.online = true;
    await route();
  } catch {
    offline();
    setTimeout(reload, 1000);
    return;
  }
  const waiting = loading;
  loading = null;
  waiting.forEach(heard);
  seen();
  changed();
}

function heard(event) {
  if (event.type === "app") world.app = event.connected;
  if (event.type === "deleted") forget(event.ephemeral_id ? `e-${event.ephemeral_id}` : event.ts);
  if (event.type === "message") arrived(event.message);
  if (event.type === "changed") place(event.message, false);
  changed();
}

function arrived(message) {
  const mine = message.user === world.me.id;
  const here = message.channel === world.channel;
  const inList = !isReply(message) || message.subtype === "thread_broadcast";
  const away = document.hidden || !list.atEnd;
  place(message, true);
  if (here && inList && mine) world.newFrom = null;
  if (here && inList && !mine && away) world.newFrom ??= message.ts;
  requestAnimationFrame(() => {
    if (here && inList) mine ? list.toEnd() : list.arrived();
    if (isReply(message) && message.thread_ts === world.root) mine ? replies.toEnd() : replies.arrived();
    seen();
  });
}

/** Put a message where it belongs: its channel, the open thread, or both. An edit never adds one that left the view. */
function place(message, add) {
  const channel = world.messages.get(message.channel) ?? [];
  const ofThread = (message.thread_ts ?? message.ts) === world.root && message.channel === world.channel;
  if (!isReply(message) || message.subtype === "thread_broadcast") world.messages.set(message.channel, put(channel, message, add));
  if (ofThread) world.thread = put(world.thread, message, add || isReply(message));
}

function put(messages, message, add) {
  const at = messages.findIndex((old) => keyOf(old) === keyOf(message));
  if (at >= 0) return messages.with(at, message);
  return add ? [...messages, message].sort((a, b) => (a.ts < b.ts ? -1 : 1)) : messages;
}

function forget(gone) {
  const keep = (messages) => messages.filter((message) => keyOf(message) !== gone);
  for (const [channel, messages] of world.messages) world.messages.set(channel, keep(messages));
  world.thread = keep(world.thread);
}

function find(gone) {
  return [...world.thread, ...(world.messages.get(world.channel) ?? [])].find((message) => keyOf(message) === gone);
}

// ---- read and unread ----

function unread(channel) {
  const since = world.read[channel] ?? "";
  return (world.messages.get(channel) ?? []).filter((message) => message.ts > since && message.user !== world.me.id && !message.ephemeral).length;
}

/** What stands at the end of a list that is looked at counts as read. */
function seen() {
  if (document.hidden || !world.channel) return;
  const mark = (name, messages) => { world.read[name] = messages.findLast((message) => !message.ephemeral)?.ts ?? world.read[name]; };
  if (list.atEnd) mark(world.channel, world.messages.get(world.channel) ?? []);
  if (world.root && replies.atEnd) mark(`${world.channel}/${world.root}`, world.thread);
  localStorage.setItem(`read-${world.me.id}`, JSON.stringify(world.read));
  changed();
}

// ---- where one is: #channel or #channel/thread ----

async function route() {
  const [name, root = null] = decodeURIComponent(location.hash.slice(1)).split("/");
  const channels = [...world.channels.values()];
  const channel = channels.find((one) => one.name === name) ?? channels.find((one) => one.is_member) ?? channels[0];
  if (!channel) return;
  if (channel.id !== world.channel) {
    Object.assign(world, { channel: channel.id, newFrom: firstUnread(channel.id) });
    list.toEnd();
  }
  const opens = root !== null && root !== world.root;
  const closes = root === null && world.root !== null;
  Object.assign(world, { root, thread: opens ? [] : world.thread });
  if (root) world.thread = (await get("messages", { channel: channel.id, user: world.me.id, thread_ts: root })).messages;
  changed();
  if (opens) requestAnimationFrame(() => { replies.toEnd(); seen(); reply.box.focus(); });
  if (closes && opener?.isConnected) opener.focus();
  if (closes) opener = null;
}

function firstUnread(channel) {
  const since = world.read[channel] ?? "";
  return (world.messages.get(channel) ?? []).find((message) => message.ts > since && message.user !== world.me.id)?.ts ?? null;
}

function openThread(root, from) {
  opener = from;
  location.hash = `${world.channels.get(world.channel).name}/${root}`;
}

function closeThread() {
  if (world.root) location.hash = world.channels.get(world.channel).name;
}

// ---- what a person does ----

/** True when it went; a command that failed says why, to this person, and stays in the box. */
async function say(text, thread_ts) {
  const from = { user: world.me.id, channel: world.channel };
  if (text.startsWith("/") && thread_ts) {
    notice(`${text.split(/\s/)[0]} is not supported in threads. Sorry! Send it in the channel instead.`, thread_ts);
    return false;
  }
  list.toEnd();
  const answer = text.startsWith("/") ? await post("command", { ...from, text })
    : await post("post", { ...from, text: encode(text, world), ...(thread_ts && { thread_ts }) });
  if (!answer.ok) notice(answer.error, thread_ts);
  return answer.ok;
}

/** An ephemeral message that this page writes to itself. */
function notice(text, thread_ts = null) {
  const now = (Date.now() / 1000).toFixed(6);
  arrived({ channel: world.channel, ts: now, user: "local", text: encode(text, world), thread_ts, ephemeral: true, ephemeral_id: `local-${now}`, failure: true, bot: true });
  changed();
}

async function press(target) {
  const { confirm, ...press } = JSON.parse(target.dataset.press);
  const message = find(target.closest("[data-key]").dataset.key);
  if (!message || target.getAttribute("aria-busy") || (confirm && !(await confirmed(confirm)))) return;
  target.setAttribute("aria-busy", "true");
  const answer = await post("action", { user: world.me.id, channel: message.channel, message_ts: message.ts,
    ...(message.ephemeral_id && { ephemeral_id: message.ephemeral_id }), ...press, type: "button" });
  target.removeAttribute("aria-busy");
  if (!answer.ok) notice(answer.error, isReply(message) ? message.thread_ts : null);
}

/** The dialog keeps the focus inside, gives it back, and closes on Escape: that is the browser's own doing. */
function confirmed({ title, text, confirm, deny, style }) {
  const dialog = $("confirm");
  patch($("confirm-title"), words(title ?? { type: "plain_text", text: "Are you sure?" }, world));
  patch($("confirm-text"), text ? words(text, world) : []);
  patch($("confirm-yes"), words(confirm ?? { type: "plain_text", text: "Yes" }, world));
  patch($("confirm-deny"), words(deny ?? { type: "plain_text", text: "Cancel" }, world));
  $("confirm-yes").className = `button ${style ?? "primary"}`;
  dialog.returnValue = "deny";
  dialog.showModal();
  $("confirm-deny").focus();
  return new Promise((done) => { dialog.onclose = () => done(dialog.returnValue === "confirm"); });
}

function dismiss(target) {
  const message = find(target.closest("[data-key]").dataset.key);
  if (!message.failure) post("dismiss", { user: world.me.id, ephemeral_id: message.ephemeral_id });
  forget(keyOf(message));
  changed();
}

const DEEDS = {
  press, dismiss,
  thread: (target) => openThread(target.dataset.root, target),
  close: closeThread,
  skip: () => composer.box.focus(),
  suggest: (target) => composer.fill(target.dataset.text),
  expand: ({ dataset: { file } }) => { world.expanded.delete(file) || world.expanded.add(file); changed(); },
};

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-do]");
  if (!DEEDS[target?.dataset.do]) return;
  if (!target.target) event.preventDefault();
  DEEDS[target.dataset.do](target);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !$("confirm").open) closeThread();
});
document.addEventListener("visibilitychange", seen);
window.addEventListener("hashchange", () => route().then(seen, offline));

// ---- what one sees ----

function changed() {
  if (drawing) return;
  drawing = true;
  (document.hidden ? setTimeout : requestAnimationFrame)(() => { drawing = false; draw(); });
}

function draw() {
  const channel = world.channels.get(world.channel);
  if (!channel) return;
  patch($("sidebar"), sidebar(world));
  patch($("channel-bar"), [el("h1", { id: "channel-name" }, icon("hash"), channel.name), el("p", { class: "muted" }, channel.topic)]);
  drawBanner();
  composer.name(`Message #${channel.name}, or type / for commands`);
  list.draw([intro(channel), ...channelRows(world.messages.get(channel.id) ?? [], world)]);
  $("thread").hidden = !world.root;
  $("thread-channel").textContent = `#${channel.name}`;
  if (world.root) replies.draw(threadRows(world.thread, world));
  const waiting = [...world.channels.keys()].reduce((sum, one) => sum + unread(one), 0);
  document.title = `${waiting ? `(${waiting}) ` : ""}#${channel.name} · ${world.team.name}`;
}

function drawBanner() {
  const bot = [...world.users.values()].find((user) => user.is_bot);
  const text = !world.online ? "The sandbox is not answering. Trying again …"
    : world.app === false ? `${bot ? person(bot) : "The app"} is not connected: commands get no answer until it is started.` : "";
  $("banner").textContent = text;
}

function offline() {
  world.online = false;
  setTimeout(() => { if (!world.online) { drawBanner(); } }, BANNER_AFTER);
}

/** The top of every channel: where one is, and a first thing to try. */
function intro(channel) {
  const known = world.commands.find(({ command }) => EXAMPLES[command]);
  const [example, purpose] = EXAMPLES[known?.command] ?? [];
  return el("div", { class: "intro", "data-key": "intro" },
    el("span", { class: "sign" }, icon("hash")),
    el("h2", {}, `Welcome to #${channel.name}`),
    el("p", { class: "muted" }, channel.topic ? mrkdwn(channel.topic, world) : "This is the very beginning of the channel."),
    example && el("button", { type: "button", class: "suggestion", "data-do": "suggest", "data-text": example },
      el("span", {}, "Type ", el("code", {}, example), ` ${purpose}`), el("span", { class: "muted" }, "Click to fill it in, then press Enter")));
}

setInterval(changed, TICK);
start();
