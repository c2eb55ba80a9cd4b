// The page of the sandbox's Slack: what arrives, what a person does, and what is seen of both.

import { listenToControls, press } from "./page-acts.js";
import { listenToComboboxes } from "./page-combobox.js";
import { Composer } from "./page-composer.js";
import { enlarge } from "./page-dialog.js";
import { el, icon, patch } from "./page-dom.js";
import { get, listen, post } from "./page-live.js";
import { channelRows, isReply, keyOf, threadRows } from "./page-messages.js";
import { encode, person } from "./page-mrkdwn.js";
import { Scroller } from "./page-scroller.js";
import { isApp, isDirect, sidebar } from "./page-sidebar.js";
import { close, drawModal, homeRows, learnModals, listenToModals } from "./page-views.js";
import { beginReading, find, forget, inChannel, learn, markRead, openThreads, place, unseen, world } from "./page-world.js";

const $ = (id) => document.getElementById(id);
const EXAMPLE = { command: "/train", text: "/train main v1.0.0", purpose: "to train the sample project" };
const WELCOME = "Ask for a training here. A card follows it as it goes; its thread tells the story and ends with the release.";
const BANNER_AFTER = 800;
const RETRY = 1_000;
const TICK = 20_000;

let waiting = null; // events that came while the messages are being fetched
let loads = 0;
let drawing = false;
let opener = null; // what had the focus before the thread opened
Object.assign(world, { changed, notice });

const list = new Scroller($("channel-view"), { bottom: seen });
const replies = new Scroller($("thread-view"), { bottom: seen });
const composer = new Composer($("channel-view"), { world, label: "Message", send: (text) => say(text) });
const reply = new Composer($("thread-view"), { world, label: "Reply …", thread: true, send: (text) => say(text, world.root) });

// ---- what arrives ----

async function start() {
  try {
    await know();
  } catch {
    offline();
    setTimeout(start, RETRY);
    return;
  }
  listen(world.me.id, { opened: reload, heard: (event) => (waiting ? waiting.push(event) : heard(event)), lost: offline });
}

/** Who is here; an unknown person in the address becomes the first one. */
async function know() {
  learn(await get("state", world.me.id ? { user: world.me.id } : {}).catch(() => get("state", {})));
}

/** At every connection: whatever was missed is fetched; what arrives meanwhile waits its turn. */
async function reload() {
  const load = ++loads;
  waiting = [];
  try {
    await know();
    await Promise.all([...world.channels.keys()].map(async (channel) => {
      const { messages } = await get("messages", { channel, user: world.me.id });
      world.messages.set(channel, messages);
      if (!(channel in world.read)) markRead(channel, messages);
    }));
    beginReading();
    await route();
  } catch {
    setTimeout(() => load === loads && reload(), RETRY);
    return;
  }
  if (load !== loads) return;
  const late = waiting;
  waiting = null;
  world.online = true;
  late.forEach(heard);
  seen();
  changed();
}

function heard(event) {
  if (event.type === "app") world.app = event.connected;
  if (event.type === "deleted") forget(event.ephemeral_id ? `e-${event.ephemeral_id}` : event.ts);
  if (event.type === "message") arrived(event.message);
  if (event.type === "changed") place(event.message, false);
  if (event.type === "modals") learnModals(event.modals, world);
  if (event.type === "home") world.home = event.view;
  changed();
}

function arrived(message) {
  if (!world.channels.has(message.channel)) know().then(changed, offline); // a conversation that is new
  const mine = message.user === world.me.id;
  const here = message.channel === world.channel && inChannel(message) && world.tab !== "home";
  place(message, true);
  if (here && mine) world.newFrom = null;
  if (here && !mine && !message.ephemeral && (document.hidden || !list.atEnd)) world.newFrom ??= message.ts;
  if (!mine && !here && !(isReply(message) && message.thread_ts === world.root)) announce(message);
  soon(() => {
    if (here) mine ? list.toEnd() : list.arrived();
    if (isReply(message) && message.thread_ts === world.root) mine ? replies.toEnd() : replies.arrived();
    seen();
  });
}

/** For those who listen: something came in where one is not looking. */
function announce(message) {
  const channel = world.channels.get(message.channel);
  const from = world.users.get(message.user);
  if (!channel || message.ephemeral) return;
  const where = isReply(message) ? `a thread of #${channel.name}` : isDirect(channel) ? "direct messages" : `#${channel.name}`;
  $("announce").textContent = `New message in ${where} from ${from ? person(from) : message.user}`;
}

function offline() {
  world.online = false;
  setTimeout(drawBanner, BANNER_AFTER);
}

/** What stands at the end of a list that is looked at counts as read. */
function seen() {
  if (document.hidden || !world.channel) return;
  const channel = world.tab !== "home" && list.atEnd && markRead(world.channel, world.messages.get(world.channel) ?? []);
  const thread = world.thread && replies.atEnd && markRead(`${world.channel}/${world.root}`, world.thread);
  if (channel || thread) changed();
}

// ---- where one is: #channel or #channel/thread ----

async function route() {
  const [name, part = null] = decodeURIComponent(location.hash.slice(1)).split("/");
  const channels = [...world.channels.values()];
  const channel = channels.find((one) => one.name === name) ?? channels.find((one) => one.is_member) ?? channels[0];
  const tab = isDirect(channel) && part === "home" ? "home" : "messages";
  const root = tab === "home" ? null : part;
  if (channel.id !== world.channel || tab !== world.tab) {
    Object.assign(world, { channel: channel.id, tab, newFrom: unseen(channel.id)[0]?.ts ?? null });
    list.toEnd();
    if (isDirect(channel)) post("home", { user: world.me.id, tab });
  }
  const opens = root !== null && root !== world.root;
  const closes = root === null && world.root !== null;
  Object.assign(world, { root, thread: opens || closes ? null : world.thread });
  if (root) {
    const known = { channel: channel.id, user: world.me.id, thread_ts: root };
    const thread = await get("messages", known).then(({ messages }) => messages, () => []);
    if (world.root !== root) return;
    world.thread = thread;
  }
  draw();
  if (opens) { replies.toEnd(); reply.box.focus(); }
  if (closes && opener?.isConnected) opener.focus();
}

function openThread(root, from) {
  opener = from;
  location.hash = `${world.channels.get(world.channel).name}/${root}`;
}

function closeThread() {
  if (world.root) location.hash = world.channels.get(world.channel).name;
}

// ---- what a person does ----

/** True when it went; otherwise Slack says why, and the text stays in the box. */
async function say(text, thread_ts) {
  const from = { user: world.me.id, channel: world.channel, ...(thread_ts && { thread_ts }) };
  (thread_ts ? replies : list).toEnd();
  const command = text.startsWith("/");
  const answer = await post(command ? "command" : "post", { ...from, text: command ? text : encode(text, world) });
  if (!answer.ok) notice(answer.error, thread_ts);
  return answer.ok;
}

/** What Slack itself says to this person only; it is gone after a reload. */
function notice(text, thread_ts = null) {
  const ts = (Date.now() / 1000).toFixed(6);
  const own = { ephemeral: true, ephemeral_id: `local-${ts}`, local: true };
  arrived({ channel: world.channel, ts, user: "USLACKBOT", text: encode(text, world), thread_ts, ...own });
  changed();
}

function dismiss(target) {
  const message = find(target.closest(".message").dataset.key);
  if (!message.local) post("dismiss", { user: world.me.id, ephemeral_id: message.ephemeral_id });
  forget(keyOf(message));
  changed();
}

function expand({ dataset: { file } }) {
  if (!world.expanded.delete(file)) world.expanded.add(file);
  changed();
}

const DEEDS = {
  dismiss, expand, enlarge,
  press: (target) => press(target, world),
  cancelModal: () => close(world, false),
  dismissModal: () => close(world, true),
  thread: (target) => openThread(target.dataset.root, target),
  close: closeThread,
  skip: () => (world.tab === "home" ? $("home-view").firstElementChild : composer.box).focus(),
  suggest: (target) => composer.fill(target.dataset.text),
};

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-do]");
  if (!DEEDS[target?.dataset.do]) return;
  if (!target.target) event.preventDefault(); // a button with an address also opens it
  DEEDS[target.dataset.do](target);
});
document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") closeThread();
  if (/^[\w/@]$/.test(event.key) && !event.target.closest("textarea, input, select, summary, a, button")) composer.box.focus(); // it gets the letter
});
Object.assign(DEEDS, listenToComboboxes(world, listenToControls(world)));
listenToModals(world);
document.addEventListener("visibilitychange", seen);
window.addEventListener("hashchange", () => route().then(seen));

// ---- what is seen ----

/** Draw once, soon, however much happens until then. */
function changed() {
  if (drawing) return;
  drawing = true;
  soon(() => { drawing = false; draw(); });
}

/** With the next frame; a page in the background has none. */
function soon(deed) {
  (document.hidden ? setTimeout : requestAnimationFrame)(() => deed());
}

function draw() {
  const channel = world.channels.get(world.channel);
  if (!channel) return;
  const direct = isDirect(channel);
  const sign = direct ? "train" : "hash";
  patch($("sidebar"), sidebar(world));
  const name = el("h1", { id: "channel-name" }, icon(sign), channel.name);
  patch($("channel-bar"), [name, direct ? tabs(channel) : el("p", { class: "muted" }, channel.topic)]);
  drawBanner();
  $("home-view").hidden = world.tab !== "home";
  $("channel-view").hidden = world.tab === "home";
  patch($("home-view").querySelector(".rows"), world.tab === "home" ? homeRows(world) : []);
  composer.name(`Message ${direct ? "" : "#"}${channel.name}, or type / for commands`);
  list.draw([intro(channel, sign), ...channelRows(world.messages.get(channel.id) ?? [], world)]);
  $("thread").hidden = !world.root;
  $("thread-channel").textContent = `#${channel.name}`;
  replies.draw(world.thread ? threadRows(world.thread, world) : []);
  drawModal(world);
  drawTitle(channel);
}

function drawTitle(channel) {
  const threads = openThreads().reduce((sum, { replies: fresh }) => sum + fresh.length, 0);
  const count = [...world.channels.keys()].reduce((sum, one) => sum + world.unread(one), threads);
  document.title = `${count ? `(${count}) ` : ""}#${channel.name} · ${world.team.name}`;
}

/** An app has two: what it shows about itself, and the messages between it and oneself. */
function tabs(channel) {
  const tab = (name, label, href) => el("li", {}, el("a", { href, "aria-current": world.tab === name && "page" }, label));
  return el("nav", { class: "tabs", "aria-label": channel.name }, el("ul", {},
    tab("home", "Home", `#${channel.name}/home`), tab("messages", "Messages", `#${channel.name}`)));
}

function drawBanner() {
  const app = [...world.users.values()].find(isApp);
  const deaf = world.app === false && `${app ? person(app) : "The app"} is not connected: commands get no answer until it is.`;
  $("banner").textContent = (!world.online && "The sandbox is not answering. Trying again …") || deaf || "";
}

/** The top of every channel: where one is and, in the first one, what to try. */
function intro(channel, sign) {
  const first = channel.id === world.channels.keys().next().value;
  const tries = first && world.commands.some(({ command }) => command === EXAMPLE.command);
  const purpose = tries ? WELCOME
    : `This is the very beginning of ${isDirect(channel) ? "your conversation" : "the channel"}. ${channel.topic}`;
  return el("div", { class: "intro", "data-key": "intro" },
    el("span", { class: "sign" }, icon(sign)),
    el("h2", {}, isDirect(channel) ? channel.name : `Welcome to #${channel.name}`),
    el("p", { class: "muted" }, purpose),
    tries && el("button", { type: "button", class: "suggestion", "data-do": "suggest", "data-text": EXAMPLE.text },
      el("span", {}, "Type ", el("code", {}, EXAMPLE.text), ` ${EXAMPLE.purpose}`),
      el("span", { class: "muted" }, "Click to put it into the box, then press Enter")));
}

setInterval(changed, TICK);
composer.box.focus();
start();
