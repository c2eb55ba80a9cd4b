// Slack's mrkdwn, drawn: https://docs.slack.dev/messaging/formatting-message-text. In Slack's texts `&`, `<` and `>` are
// written as entities, and a `<...>` is a link, a mention or a date; one that is none of these is shown as it stands.

import { el } from "./page-dom.js";
import { EMOJI } from "./page-emoji.js";

const LOCALE = "en-GB";
const CODES = [...EMOJI.keys()].map((code) => code.replace("+", "\\+")).join("|");
const span = (mark) => `(?<![\\w${mark}])${mark}(?!\\s)([^${mark}\\n]+?)(?<!\\s)${mark}(?![\\w${mark}])`;
const URL_CHARACTER = (but) => `(?:(?!&[lg]t;)[^\\s<>|${but}])`;
const INLINE = ["`([^`\\n]+)`", "<([^<>\\n]+)>", `:(${CODES}):`, span("\\*"), span("_"), span("~"),
  `(https?://${URL_CHARACTER("")}*${URL_CHARACTER(".,;:!?)'\"")})`].join("|");
const TOKENS = [(text) => el("code", {}, decode(text)), control, (code) => EMOJI.get(code),
  (text, world) => el("b", {}, inline(text, world)),
  (text, world) => el("i", {}, inline(text, world)),
  (text, world) => el("s", {}, inline(text, world)),
  (url, world) => (world.verbatim ? null : link(decode(url), [decode(url)]))];
const LINES = [["quote", /^(?:&gt;|>)(?:&gt;&gt;|>>)? ?/], ["ul", /^\s*[•◦▪-] /], ["ol", /^\s*\d+[.)] /], ["text", /^/]];

/** Nodes for a mrkdwn text. `world` names people and channels. */
export function mrkdwn(text, world) {
  const parts = text.split(/```\n?([\s\S]*?)\n?```\n?/);
  return parts.flatMap((part, at) => (at % 2 ? el("pre", {}, decode(part)) : paragraphs(part, world)));
}

/** Nodes for a `plain_text` object's text: short codes are drawn, nothing else is markup. */
export const plain = (text) => [decode(text).replace(new RegExp(`:(${CODES}):`, "g"), (_, code) => EMOJI.get(code))];

/** What a person typed, in Slack's own writing: entities, and `@bob` as a mention. */
export function encode(text, world) {
  const safe = text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  return safe.replace(/(?<!\w)@([\w.-]+)/g, (word, name) => {
    const person = [...world.users.values()].find((user) => user.name === name.toLowerCase());
    return person ? `<@${person.id}>` : word;
  });
}

/** A link, or its text alone when the address is none a page should open. */
export function link(url, children, attributes = {}) {
  if (!/^(https?:|mailto:|\/(?!\/))/i.test(url)) return el("span", {}, children);
  return el("a", { href: url, target: "_blank", rel: "noopener noreferrer", ...attributes }, children);
}

/** `<@U1>`: highlighted, and more so when it is the person who reads. */
export function mention(id, world) {
  const user = world.users.get(id);
  return el("span", { class: id === world.me.id ? "mention me" : "mention" }, `@${user ? person(user) : id}`);
}

export const person = (user) => user.real_name || user.name;

export function channelLink(id, world, label) {
  const name = world.channels.get(id)?.name ?? label ?? id;
  return el("a", { class: "mention", href: `#${name}` }, `#${name}`);
}

/** Slack's `<!date^stamp^format^link|fallback>`; a stamp or token that is unknown shows the fallback. */
export function date(stamp, format, url, fallback) {
  const when = new Date(Number(stamp) * 1000);
  if (Number.isNaN(when.getTime())) return decode(fallback ?? "");
  const text = decode(format).replace(/\{(\w+)\}/g, (token, name) => DATES[name]?.(when) ?? fallback ?? token);
  const time = el("time", { datetime: when.toISOString(), title: full(when) }, text);
  return url ? link(decode(url), [time]) : time;
}

export const clock = (when) => when.toLocaleTimeString(LOCALE, { hour: "2-digit", minute: "2-digit" });
export const full = (when) => when.toLocaleString(LOCALE, { dateStyle: "full", timeStyle: "medium" });

/** Today, Yesterday, or the day with its name. */
export function day(when, now = new Date()) {
  const midnight = (moment) => new Date(moment).setHours(0, 0, 0, 0);
  const days = Math.round((midnight(now) - midnight(when)) / 86_400_000);
  if (days === 0 || days === 1) return days ? "Yesterday" : "Today";
  const year = when.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return when.toLocaleDateString(LOCALE, { weekday: "long", day: "numeric", month: "long", year });
}

/** "just now", "2 minutes ago", "yesterday". */
export function ago(when, now = Date.now()) {
  const minutes = Math.floor((now - when) / 60_000);
  if (minutes < 1) return "just now";
  const words = new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" });
  if (minutes < 60) return words.format(-minutes, "minute");
  if (minutes < 1440) return words.format(-Math.floor(minutes / 60), "hour");
  return words.format(-Math.floor(minutes / 1440), "day");
}

const styled = (style) => (when) => when.toLocaleDateString(LOCALE, style);
const pretty = (style) => (when) => (/day$/.test(day(when)) && !/ /.test(day(when)) ? day(when) : styled(style)(when));
const SHORT = { day: "numeric", month: "short", year: "numeric" };
const MIDDLE = { day: "numeric", month: "long", year: "numeric" };
const LONG = { weekday: "long", ...MIDDLE };
const DATES = {
  date: styled(MIDDLE), date_short: styled(SHORT), date_long: styled(LONG), date_num: styled({ dateStyle: "short" }),
  date_pretty: pretty(MIDDLE), date_short_pretty: pretty(SHORT), date_long_pretty: pretty(LONG), time: clock, ago,
  time_secs: (when) => when.toLocaleTimeString(LOCALE),
};

function paragraphs(text, world) {
  const groups = [];
  for (const line of text.replace(/\n$/, "").split("\n")) {
    const [kind, prefix] = LINES.find(([, pattern]) => pattern.test(line));
    const last = groups.at(-1);
    if (last?.kind === kind) last.lines.push(line.replace(prefix, ""));
    else groups.push({ kind, lines: [line.replace(prefix, "")], first: line });
  }
  return groups.filter(({ lines }) => lines.join("")).map((group) => paragraph(group, world));
}

function paragraph({ kind, lines, first }, world) {
  const text = lines.join("\n");
  if (kind === "quote") return el("blockquote", {}, inline(text, world));
  if (kind === "text") return el("div", { class: "text" }, inline(text, world));
  const start = kind === "ol" ? Number.parseInt(first, 10) : null;
  return el(kind, { start }, lines.map((line) => el("li", {}, inline(line, world))));
}

function inline(text, world) {
  const out = [];
  let end = 0;
  for (const match of text.matchAll(new RegExp(INLINE, "g"))) {
    const which = match.findIndex((group, at) => at > 0 && group !== undefined);
    const node = TOKENS[which - 1](match[which], world);
    if (node === null) continue;
    out.push(decode(text.slice(end, match.index)), node);
    end = match.index + match[0].length;
  }
  return [...out, decode(text.slice(end))].filter((node) => node !== "");
}

function control(token, world) {
  const [head, ...rest] = token.split("|");
  const label = rest.length ? rest.join("|") : undefined;
  if (/^@[UWB]/.test(head)) return mention(head.slice(1), world);
  if (/^#C/.test(head)) return channelLink(head.slice(1), world, label);
  if (head.startsWith("!date^")) return date(...head.slice(6).split("^", 2), head.split("^")[3], label);
  if (/^!(here|channel|everyone)$/.test(head)) return el("span", { class: "mention me" }, `@${head.slice(1)}`);
  if (head.startsWith("!subteam^")) return el("span", { class: "mention" }, label ?? "@group");
  if (!/^(https?|mailto):/i.test(head)) return null;
  return link(decode(head), label ? inline(label, world) : [decode(head).replace(/^mailto:/, "")]);
}

const decode = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
