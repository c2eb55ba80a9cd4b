// Block Kit, drawn: https://docs.slack.dev/reference/block-kit. A kind that is not drawn here says so in its place.

import { el, icon } from "./page-dom.js";
import { element, isForm, isGroup, thumbnail, unknown } from "./page-elements.js";
import { emoji } from "./page-emoji.js";
import { channelLink, date, link, mention, mrkdwn, plain } from "./page-mrkdwn.js";
import { text } from "./page-text.js";
import { idOf } from "./page-values.js";

const BLOCKS = { section, header, context, divider, actions, image, rich_text, markdown, input };
const PREVIEW = 64_000;
const [WIDEST, HIGHEST] = [480, 360]; // pixels of a picture in the list
const TEXT_KIND = /^text\/|json|yaml|xml/;
const TEXT_NAME = /\.(log|txt|md|ya?ml|toml|csv|dvc|lock|py|diff|patch)$/i;

/** Nodes for the `blocks` of a message or a view. Those with something entered keep their identity by their block_id. */
export const blocks = (list, world) => list.map((block) => {
  const node = (BLOCKS[block.type] ?? unknown)(block, world);
  if ([block.element, block.accessory, ...(block.elements ?? [])].some(isForm)) node.dataset.key = block.block_id;
  return node;
});

/** The older kind of message part: a coloured bar beside it. */
export function attachment(item, world) {
  const bar = { good: "#2e7d5b", warning: "#b7791f", danger: "#c0263d" }[item.color] ?? item.color?.replace(/^#?/, "#");
  const node = el("div", { class: "attachment" },
    item.pretext && el("div", { class: "pretext" }, mrkdwn(item.pretext, world)),
    el("div", { class: "inside" },
      item.author_name && el("div", { class: "muted" }, plain(item.author_name)),
      item.title && el("b", {}, item.title_link ? link(item.title_link, plain(item.title)) : plain(item.title)),
      item.text && mrkdwn(item.text, world),
      item.fields && el("div", { class: "fields" }, item.fields.map((field) =>
        el("div", {}, el("b", {}, plain(field.title ?? "")), mrkdwn(field.value ?? "", world)))),
      item.blocks && blocks(item.blocks, { ...world, form: { id: "attachment" } }),
      item.image_url && el("img", { src: item.image_url, alt: item.fallback ?? "" }),
      item.footer && el("div", { class: "muted" }, plain(item.footer))));
  if (bar) node.style.setProperty("--bar", bar);
  return node;
}

/** A picture in its place; anything else as a card with its first lines and a way to take it home. */
export function file(item, world) {
  const name = item.title || item.name;
  if (item.mimetype.startsWith("image/")) {
    return picture(item.url, item.alt ?? name, [name, " ", el("span", { class: "muted" }, size(item.size))], item);
  }
  const lines = preview(item, world);
  const open = world.expanded.has(item.id);
  const long = lines && lines.split("\n").length > 8;
  return el("div", { class: "file" },
    el("div", { class: "about" }, icon("file"),
      el("div", {}, el("b", {}, name), el("span", { class: "muted" }, `${item.name} · ${size(item.size)}`)),
      el("a", { class: "button", href: item.url, download: item.name }, "Download")),
    lines && el("pre", { class: open && "open", tabindex: open && "0" }, lines),
    long && el("button", { type: "button", class: "plain", "data-do": "expand", "data-file": item.id,
      "aria-expanded": String(open) }, open ? "Show less" : "Show more"));
}

function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function preview(item, world) {
  if (!TEXT_KIND.test(item.mimetype) && !TEXT_NAME.test(item.name)) return null;
  if (!world.previews.has(item.id)) {
    world.previews.set(item.id, "");
    const start = { headers: { Range: `bytes=0-${PREVIEW}` } };
    fetch(item.url, start).then((answer) => (answer.ok ? answer.text() : "")).then((body) => {
      world.previews.set(item.id, body.slice(0, PREVIEW).trimEnd());
      world.changed();
    }).catch(() => world.previews.delete(item.id));
  }
  return world.previews.get(item.id);
}

function header(block) {
  return el("h3", { class: "header" }, plain(block.text.text));
}

function divider() {
  return el("hr");
}

function markdown(block, world) {
  return el("div", { class: "section" }, el("div", { class: "words" }, mrkdwn(block.text, world)));
}

function actions(block, world) {
  return el("div", { class: "actions" }, block.elements.map((item) => element(item, block, world)));
}

function section(block, world) {
  return el("div", { class: "section" },
    el("div", { class: "words" },
      block.text && el("div", {}, text(block.text, world)),
      block.fields && el("div", { class: "fields" }, block.fields.map((field) => el("div", {}, text(field, world))))),
    block.accessory && el("div", { class: "accessory" }, element(block.accessory, block, world)));
}

function context(block, world) {
  return el("div", { class: "context" }, block.elements.map((item) =>
    item.type === "image" ? thumbnail(item) : el("div", {}, text(item, world))));
}

function image(block) {
  const url = block.image_url ?? block.slack_file?.url;
  return picture(url, block.alt_text ?? "", block.title && plain(block.title.text));
}

/** A picture of its own size at most; a click shows it large. */
function picture(url, alt, caption, about = {}) {
  const show = el("img", { src: url, alt, ...fitted(about) });
  const large = /^\//.test(url) || url?.startsWith(location.origin);
  const frame = large
    ? el("button", { type: "button", class: "enlarge", "data-do": "enlarge", title: "Show it large" }, show)
    : link(url, [show]);
  return el("figure", { class: "picture" }, caption && el("figcaption", {}, caption), frame);
}

/** Its size in the list, known before it is loaded: nothing moves then, and nothing is squeezed. */
function fitted({ width, height }) {
  if (!width || !height) return {};
  const scale = Math.min(1, WIDEST / width, HIGHEST / height);
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

/** A label, an element and, below it, a hint and what is wrong with it. */
function input(block, world) {
  const id = idOf(block.element, block, world);
  const group = isGroup(block.element);
  const target = block.element.type.endsWith("external_select") ? `${id}-input` : id;
  const label = [...plain(block.label.text), block.optional && el("span", { class: "muted" }, " (optional)")];
  const error = world.form.errors?.[block.block_id];
  return el("div", { class: error ? "entry wrong" : "entry" },
    group ? el("span", { class: "label", id: `${id}-label` }, label) : el("label", { class: "label", for: target }, label),
    element(block.element, block, world),
    error && el("p", { class: "error", id: `${id}-error` }, error),
    block.hint && el("p", { class: "muted hint", id: `${id}-hint` }, plain(block.hint.text)));
}

function rich_text(block, world) {
  return el("div", { class: "section rich" }, block.elements.map((item) => richPart(item, world)));
}

function richPart(part, world) {
  const inside = part.elements.map((item) => (item.elements ? richPart(item, world) : richInline(item, world)));
  if (part.type === "rich_text_preformatted") return el("pre", {}, inside);
  if (part.type === "rich_text_quote") return el("blockquote", {}, inside);
  if (part.type !== "rich_text_list") return el("div", { class: "text" }, inside);
  const attributes = { start: part.offset && part.offset + 1, "data-indent": part.indent || null };
  return el(part.style === "ordered" ? "ol" : "ul", attributes, inside.map((item) => el("li", {}, item)));
}

function richInline(item, world) {
  const kinds = {
    text: () => item.text,
    link: () => link(item.url, [item.text || item.url]),
    emoji: () => emoji(item.name),
    user: () => mention(item.user_id, world),
    channel: () => channelLink(item.channel_id, world),
    broadcast: () => el("span", { class: "mention me" }, `@${item.range}`),
    date: () => date(item.timestamp, item.format, item.url, item.fallback),
  };
  let node = (kinds[item.type] ?? (() => `[${item.type}]`))();
  for (const [style, tag] of [["code", "code"], ["bold", "b"], ["italic", "i"], ["strike", "s"], ["underline", "u"]]) {
    if (item.style?.[style]) node = el(tag, {}, node);
  }
  return node;
}
