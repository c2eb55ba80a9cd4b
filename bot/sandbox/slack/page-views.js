// Modals and an app's Home. A modal is the browser's own dialog: it keeps the focus inside and gives it back.

import { complain } from "./page-acts.js";
import { blocks } from "./page-blocks.js";
import { el, icon, patch } from "./page-dom.js";
import { post } from "./page-live.js";
import { plain } from "./page-mrkdwn.js";
import { valuesIn } from "./page-values.js";

const dialog = document.getElementById("modal");
const FIRST = "[data-focus], .modal-body :is(input, select, textarea), .modal-body button";

/** Bring the dialog to agree with the uppermost of `world.modals`. */
export function drawModal(world) {
  const view = world.modals.at(-1);
  if (!view) {
    if (dialog.open) dialog.close();
    patch(dialog, []);
    return;
  }
  const fresh = dialog.firstElementChild?.dataset.view !== view.id;
  patch(dialog, [modal(view, world)]);
  if (!dialog.open) dialog.showModal();
  if (fresh) focus(view);
}

function focus(view) {
  const wanted = dialog.querySelector("[data-focus]") ?? dialog.querySelector(FIRST) ?? dialog.querySelector("h2");
  (wanted.matches(".combobox, .choices") ? wanted.querySelector("input") : wanted).focus();
  dialog.scrollTop = 0;
  return view;
}

function modal(view, world) {
  const busy = world.busy === view.id;
  const below = world.modals.length > 1;
  return el("form", { class: "modal", "data-view": view.id, "data-key": view.id, novalidate: true },
    el("header", {},
      el("h2", { id: "modal-title", tabindex: "-1" }, plain(view.title.text)),
      el("button", { type: "button", class: "plain", "data-do": "dismissModal", "aria-label": "Close dialog", title: "Close (Esc)" },
        icon("close"))),
    el("div", { class: "modal-body blocks" }, drawn(view, world)),
    alert(view, world),
    el("footer", {},
      el("button", { type: "button", class: "button", "data-do": "cancelModal" }, view.close ? plain(view.close.text) : below ? "Back" : "Cancel"),
      view.submit && el("button", { type: "submit", class: "button primary", "aria-busy": busy && "true" }, plain(view.submit.text))));
}

const alert = (view, world) => el("p", { class: "alert", role: "alert" }, world.alerts.get(view.id) ?? "");

function drawn(view, world) {
  const form = { id: view.id, values: view.state.values, errors: world.errors.get(view.id) };
  return blocks(view.blocks, { ...world, form });
}

/** What fills the Home tab: the app's blocks, or a word about their absence. */
export function homeRows(world) {
  if (!world.home) {
    return [el("p", { class: "muted empty", "data-key": "nothing" }, "There is nothing on this Home tab yet. The app fills it when it hears that you opened it.")];
  }
  return [el("div", { class: "home blocks", "data-view": world.home.id, "data-key": "home" }, drawn(world.home, world), alert(world.home, world))];
}

/** Send the modal off; the errors that come back stand beside their inputs, and the first of them gets the focus. */
async function submit(form, world) {
  const view = world.modals.at(-1);
  if (!view?.submit || world.busy === view.id) return;
  Object.assign(world, { busy: view.id });
  world.alerts.delete(view.id);
  world.changed();
  const answer = await post("submit", { user: world.me.id, view_id: view.id, values: valuesIn(form, world) });
  const errors = answer.errors ?? {};
  if (Object.keys(errors).length || !answer.ok) world.busy = null; // else until the view changes
  world.errors.set(view.id, errors);
  if (!answer.ok) complain({ where: { view_id: view.id } }, answer.error, world);
  drawModal(world);
  const wrong = dialog.querySelector(".entry.wrong [aria-invalid], .entry.wrong input");
  if (Object.keys(errors).length) wrong?.focus();
}

export function close(world, everything) {
  post("close", { user: world.me.id, everything });
}

/** What is open changed: nothing that belongs to a closed or changed view is kept. */
export function learnModals(modals, world) {
  const open = new Set([...modals, world.home].filter(Boolean).map(({ id }) => id));
  for (const kept of [world.errors, world.alerts]) for (const id of [...kept.keys()]) if (!open.has(id)) kept.delete(id);
  const ids = [...open].map((id) => `e-${id}-`);
  for (const id of [...world.combos.keys()]) {
    if (id.startsWith("e-V") && !ids.some((start) => id.startsWith(start))) world.combos.delete(id);
  }
  Object.assign(world, { modals, busy: null });
}

export function listenToModals(world) {
  dialog.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(event.target, world);
  });
  dialog.addEventListener("close", () => { // by Escape
    const box = document.activeElement;
    if (box?.matches("textarea, input")) { // given back its focus without a place to type at, in Chromium at times
      box.blur();
      box.focus();
    }
    if (!world.modals.length) return;
    learnModals([], world);
    close(world, true);
  });
}
