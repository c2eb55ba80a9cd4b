// The elements of Block Kit that people act upon, drawn with the browser's own controls where it has one: those bring
// their keys and their names for screen readers with them. What is entered lives in the controls (page-values.js reads it).

import { combobox } from "./page-combobox.js";
import { el, icon } from "./page-dom.js";
import { link, plain } from "./page-mrkdwn.js";
import { text } from "./page-text.js";
import { about, heldBy } from "./page-values.js";

const TYPES = { number_input: "text", email_text_input: "email", url_text_input: "url", datepicker: "date",
  timepicker: "time", datetimepicker: "datetime-local" };
const GROUPS = ["checkboxes", "radio_buttons", "multi_static_select", "multi_users_select", "multi_channels_select",
  "multi_conversations_select"];
const ELEMENTS = {
  button, overflow, image: thumbnail, plain_text_input: typed, number_input: typed, email_text_input: typed,
  url_text_input: typed, datepicker: typed, timepicker: typed, datetimepicker: typed, static_select: select,
  users_select: select, channels_select: select, conversations_select: select, external_select: combobox,
  multi_external_select: combobox, ...Object.fromEntries(GROUPS.map((kind) => [kind, group])),
};

export const unknown = ({ type }) => el("div", { class: "muted unknown" }, `[A “${type}” is not drawn in this sandbox]`);
export const element = (item, block, world) => (ELEMENTS[item.type] ?? unknown)(item, block, world);
export const isGroup = (item) => GROUPS.includes(item.type);
export const isForm = (item) => item && ELEMENTS[item.type] && !["button", "overflow", "image"].includes(item.type);

export function thumbnail(item) {
  return el("img", { class: "thumbnail", src: item.image_url, alt: item.alt_text ?? "" });
}

function button(item, block, world) {
  const { action_id, value, confirm, url, style } = item;
  const press = JSON.stringify({ block_id: block.block_id, action_id, value, confirm });
  const label = item.accessibility_label;
  const attributes = { class: `button ${style ?? ""}`, "data-do": "press", "data-press": press, "aria-label": label };
  if (!url) return el("button", { type: "button", ...attributes }, text(item.text, world));
  return link(url, [...plain(item.text.text), icon("out")], attributes);
}

/** A menu behind a button: the browser opens and closes it. */
function overflow(item, block) {
  const { action_id, confirm } = item;
  const entry = (option) => {
    const press = JSON.stringify({ block_id: block.block_id, action_id, value: option.value, confirm });
    const attributes = { class: "plain", "data-do": "press", "data-press": press };
    const label = plain(option.text.text);
    return option.url ? link(option.url, label, attributes) : el("button", { type: "button", ...attributes }, label);
  };
  return el("details", { class: "overflow" },
    el("summary", { class: "button", "aria-label": "More actions" }, "⋯"),
    el("ul", {}, item.options.map((option) => el("li", {}, entry(option)))));
}

function typed(item, block, world) {
  const held = heldBy(item, block, world);
  const value = item.type === "datetimepicker" && held ? new Date(held * 1000).toISOString().slice(0, 16) : held ?? "";
  const attributes = { ...about(item, block, world), class: "input", placeholder: item.placeholder?.text, autocomplete: "off" };
  if (item.multiline) return el("textarea", { ...attributes, rows: 4 }, value);
  const mode = item.type === "number_input" ? "decimal" : null;
  return el("input", { ...attributes, type: TYPES[item.type] ?? "text", inputmode: mode, value });
}

function select(item, block, world) {
  const chosen = heldBy(item, block, world);
  const entry = ({ value, text: label }) =>
    el("option", { value, selected: value === (chosen?.value ?? chosen) }, plain(label.text));
  const groups = choices(item, world).map(({ label, options }) =>
    (label ? el("optgroup", { label }, options.map(entry)) : options.map(entry)));
  return el("select", { ...about(item, block, world), class: "input" },
    el("option", { value: "" }, item.placeholder?.text ?? "Choose …"), groups);
}

/** Radio buttons, checkboxes, and every select of more than one. Its label is the legend of the block around it. */
function group(item, block, world) {
  const { id, ...attributes } = about(item, block, world);
  const held = heldBy(item, block, world);
  const chosen = (Array.isArray(held) ? held : [held]).map((each) => each?.value ?? each);
  const type = item.type === "radio_buttons" ? "radio" : "checkbox";
  const entry = ({ value, text: label, description }, at) => el("label", { class: "choice" },
    el("input", { type, name: id, value, checked: chosen.includes(value), id: at === 0 ? id : null }),
    el("span", {}, text(label, world), description && el("span", { class: "muted" }, text(description, world))));
  const all = choices(item, world).flatMap(({ options }) => options);
  const role = type === "radio" ? "radiogroup" : "group";
  const name = attributes["aria-label"] ? {} : { "aria-labelledby": `${id}-label` };
  return el("div", { ...attributes, "aria-required": type === "radio" ? attributes["aria-required"] : null,
    "aria-invalid": null, role, ...name, class: all.length > 6 ? "choices many" : "choices" }, all.map(entry));
}

/** The options of an element in groups: its own, or people and channels. */
function choices(item, world) {
  const own = (id, name) => ({ value: id, text: { type: "plain_text", text: name } });
  const people = [...world.users.values()].filter((user) => !user.is_bot).map((user) => own(user.id, user.real_name));
  const channels = [...world.channels.values()].filter((channel) => !channel.id.startsWith("D"))
    .map((channel) => own(channel.id, `#${channel.name}`));
  if (/users/.test(item.type)) return [{ options: people }];
  if (/channels|conversations/.test(item.type)) return [{ options: channels }];
  return item.option_groups?.map(({ label, options }) => ({ label: label.text, options })) ?? [{ options: item.options }];
}
