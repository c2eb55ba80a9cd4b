// A select whose options the app is asked for while one types: https://www.w3.org/WAI/ARIA/apg/patterns/combobox/
// What is open, found and chosen is kept in `world.combos` by the control's id; the drawing follows from that.

import { el, icon } from "./page-dom.js";
import { plain } from "./page-mrkdwn.js";
import { about, heldBy } from "./page-values.js";

const PAUSE = 150;

export function combobox(item, block, world) {
  const { id, ...attributes } = about(item, block, world);
  const many = item.type.startsWith("multi");
  const state = stateOf(id, item, block, world, many);
  const { "aria-label": label, "aria-describedby": described, "aria-invalid": invalid, "aria-required": required } = attributes;
  const options = flat(state.groups);
  const open = state.open && options.length > 0;
  const root = { ...attributes, "aria-label": null, "aria-describedby": null, "aria-invalid": null, "aria-required": null };
  return el("div", { ...root, id, class: "combobox" },
    many && state.chosen.length > 0 && el("ul", { class: "chips", "aria-label": "Chosen" }, state.chosen.map(chip)),
    el("input", { id: `${id}-input`, class: "input", type: "text", role: "combobox", autocomplete: "off", spellcheck: "false",
      "aria-expanded": String(open), "aria-controls": `${id}-list`, "aria-autocomplete": "list", "aria-label": label,
      "aria-activedescendant": open && state.at >= 0 ? `${id}-${state.at}` : null,
      "aria-describedby": described, "aria-invalid": invalid, "aria-required": required,
      placeholder: item.placeholder?.text, value: many ? "" : labelOf(state) }),
    el("div", { id: `${id}-list`, class: "found", role: "listbox", "aria-label": label ?? block.label?.text, hidden: !open },
      state.groups.map((group) => el("div", { role: group.label ? "group" : "presentation", "aria-label": group.label },
        group.label && el("div", { class: "muted", "aria-hidden": "true" }, group.label),
        group.options.map((option) => entry(id, option, options.indexOf(option), state))))),
    el("p", { class: "muted status", role: "status" }, state.open || state.failed ? status(state, options) : ""));
}

const labelOf = (state) => state.chosen[0]?.text.text ?? "";
const flat = (groups) => groups.flatMap(({ options }) => options);

function entry(id, option, at, state) {
  const chosen = state.chosen.some(({ value }) => value === option.value);
  return el("div", { role: "option", id: `${id}-${at}`, "data-at": at, class: at === state.at && "active", "aria-selected": String(chosen) },
    el("span", {}, plain(option.text.text)), option.description && el("span", { class: "muted" }, plain(option.description.text)));
}

function chip(option, at) {
  const name = option.text.text;
  return el("li", {}, el("span", {}, plain(name)),
    el("button", { type: "button", class: "plain", "data-do": "unchoose", "data-at": at, "aria-label": `Remove ${name}` }, icon("close")));
}

function status(state, options) {
  if (state.failed) return state.failed;
  if (state.short) return `Type at least ${state.least} ${state.least === 1 ? "letter" : "letters"}`;
  if (state.loading) return "Looking …";
  return options.length ? `${options.length} found` : "Nothing found";
}

function stateOf(id, item, block, world, many) {
  if (!world.combos.has(id)) {
    const held = heldBy(item, block, world);
    const chosen = many ? held ?? [] : [held].filter(Boolean);
    world.combos.set(id, { chosen, groups: [], at: -1, open: false, loading: false, failed: "", query: 0 });
  }
  return Object.assign(world.combos.get(id), { least: item.min_query_length ?? 3, many, most: item.max_selected_items });
}

/** Keys, letters, clicks and the loss of focus, for every combobox on the page. `ask(root, query)` answers with options. */
export function listenToComboboxes(world, { ask, chosen }) {
  const at = (event) => event.target.closest?.(".combobox");
  const known = (root) => world.combos.get(root.id);

  const look = (root) => {
    const state = known(root);
    const query = root.querySelector("[role=combobox]").value.trim();
    const text = !state.many && query === labelOf(state) ? "" : query;
    const mine = ++state.query;
    Object.assign(state, { open: true, at: -1, failed: "", short: text.length < state.least, groups: [] });
    state.loading = !state.short;
    world.changed();
    if (state.short) return;
    setTimeout(async () => {
      if (mine !== state.query) return;
      const answer = await ask(root, text);
      if (mine !== state.query) return;
      const groups = answer.option_groups?.map(({ label, options }) => ({ label: label.text, options }));
      Object.assign(state, { loading: false, failed: answer.ok ? "" : answer.error, groups: groups ?? [{ options: answer.options ?? [] }] });
      world.changed();
    }, PAUSE);
  };
  const shut = (root) => {
    const state = known(root);
    if (!state) return;
    Object.assign(state, { open: false, at: -1, query: state.query + 1, failed: "" });
    const input = root.querySelector("[role=combobox]");
    if (!state.many && !input.value.trim() && state.chosen.length) take(root, []);
    else input.value = state.many ? "" : labelOf(state);
    world.changed();
  };
  const take = (root, options) => {
    const state = known(root);
    state.chosen = options;
    chosen(root);
  };
  const pick = (root, option) => {
    const state = known(root);
    const others = state.chosen.filter(({ value }) => value !== option.value);
    const added = others.length < state.chosen.length ? others : [...others, option]; // once more: not any longer
    take(root, state.many ? added : [option]);
    root.querySelector("[role=combobox]").value = state.many ? "" : option.text.text;
    shut(root);
  };
  const move = (root, step) => {
    const state = known(root);
    const count = flat(state.groups).length;
    if (!state.open) return look(root);
    if (count) state.at = (state.at + step + (state.at < 0 && step < 0 ? 1 : 0) + count) % count;
    world.changed();
    requestAnimationFrame(() => root.querySelector(".active")?.scrollIntoView({ block: "nearest" }));
    return null;
  };
  const keys = {
    ArrowDown: (root) => move(root, 1),
    ArrowUp: (root) => move(root, -1),
    Enter: (root, state) => pick(root, flat(state.groups)[state.at]),
    Escape: (root) => shut(root),
  };

  document.addEventListener("keydown", (event) => {
    const root = at(event);
    if (!root || !event.target.matches("[role=combobox]") || event.isComposing) return;
    const state = known(root);
    if (event.key === "Enter" && !(state.open && state.at >= 0)) { event.preventDefault(); return; }
    if (event.key === "Escape" && !state.open) return;
    if (!keys[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key](root, state);
  }, true);
  document.addEventListener("input", (event) => { if (at(event)) look(at(event)); });
  document.addEventListener("focusin", (event) => { if (at(event) && event.target.matches("[role=combobox]")) event.target.select(); });
  document.addEventListener("focusout", (event) => { if (at(event) && !at(event).contains(event.relatedTarget)) shut(at(event)); });
  document.addEventListener("mousedown", (event) => {
    const option = at(event)?.querySelector(".found").contains(event.target) && event.target.closest("[data-at]");
    if (!option) {
      if (at(event) && event.target.matches("[role=combobox]") && !known(at(event)).open) look(at(event));
      return;
    }
    event.preventDefault(); // the focus stays in the box
    pick(at(event), flat(known(at(event)).groups)[Number(option.dataset.at)]);
  });
  return {
    unchoose: (target) => {
      const root = target.closest(".combobox");
      take(root, known(root).chosen.filter((_, index) => index !== Number(target.dataset.at)));
      root.querySelector("[role=combobox]").focus();
      world.changed();
    },
  };
}
