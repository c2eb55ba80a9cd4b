// What a person does to elements: press, choose, type. Where they stand (a message, a modal, Home) goes along with it.

import { confirmed } from "./page-dialog.js";
import { post } from "./page-live.js";
import { isReply } from "./page-messages.js";
import { reset, valueOf, valuesIn } from "./page-values.js";
import { find } from "./page-world.js";

const PAUSE = 250;
const TYPED = "input.input, textarea.input";

/** The message or view around `node`, as the server names it; null when it is gone. */
export function surfaceOf(node, world) {
  const view = node.closest("[data-view]");
  if (view) return { node: view, where: { user: world.me.id, view_id: view.dataset.view } };
  const row = node.closest(".message");
  const message = row && find(row.dataset.key);
  if (!message) return null;
  const { channel, ts: message_ts, ephemeral_id } = message;
  return { node: row, message, where: { user: world.me.id, channel, message_ts, ...(ephemeral_id && { ephemeral_id }) } };
}

/** Say to the person that something failed, where they are looking. */
export function complain(surface, sentence, world) {
  if (surface.message) world.notice(sentence, isReply(surface.message) ? surface.message.thread_ts : null);
  else world.alerts.set(surface.where.view_id, sentence);
  world.changed();
}

/** Tell the app what happened to the element at `target`. False when the person thought better of it. */
async function act(target, { confirm, ...acted }, world) {
  const surface = surfaceOf(target, world);
  if (!surface || target.hasAttribute("aria-busy")) return false;
  if (confirm && !(await confirmed(confirm, world))) return false;
  target.setAttribute("aria-busy", "true");
  if (surface.where.view_id) world.alerts.delete(surface.where.view_id);
  const answer = await post("action", { ...surface.where, ...acted, values: valuesIn(surface.node, world) });
  target.removeAttribute("aria-busy");
  if (!answer.ok) complain(surface, answer.error, world);
  return true;
}

export async function press(target, world) {
  target.closest("details")?.removeAttribute("open");
  await act(target, JSON.parse(target.dataset.press), world);
}

async function enter(control, world) {
  const { block: block_id, action: action_id, confirm } = control.dataset;
  const value = valueOf(control, world);
  const went = await act(control, { block_id, action_id, value, confirm: confirm && JSON.parse(confirm) }, world);
  if (!went) reset(control);
}

/** What the app offers for the text typed into a combobox. */
async function ask(root, query, world) {
  const surface = surfaceOf(root, world);
  const { block: block_id, action: action_id } = root.dataset;
  if (!surface) return { ok: false, error: "" };
  return post("suggest", { ...surface.where, block_id, action_id, query, values: valuesIn(surface.node, world) });
}

/** Listen to every control on the page that the app wants to hear of. */
export function listenToControls(world) {
  const dispatching = (event) => event.target.closest?.("[data-dispatch]");
  let typing = null;
  document.addEventListener("change", (event) => {
    const control = dispatching(event);
    const free = event.target.matches(TYPED) && !/^(date|time|datetime-local)$/.test(event.target.type);
    if (control && !control.matches(".combobox") && !free) enter(control, world);
  });
  document.addEventListener("keydown", (event) => {
    const control = dispatching(event);
    const enters = event.key === "Enter" && !event.isComposing && !event.shiftKey;
    if (!control?.matches(TYPED) || !enters) return;
    event.preventDefault(); // the form is not sent by it
    enter(control, world);
  });
  document.addEventListener("input", (event) => {
    const control = dispatching(event);
    if (control?.dataset.dispatch !== "character" || !control.matches(TYPED)) return;
    clearTimeout(typing);
    typing = setTimeout(() => enter(control, world), PAUSE);
  });
  document.addEventListener("focusout", ({ target, relatedTarget }) => {
    const menu = target.closest?.("details.overflow");
    if (menu && !menu.contains(relatedTarget)) menu.removeAttribute("open");
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest?.("details.overflow[open]");
    if (!menu) return;
    event.stopPropagation();
    event.preventDefault();
    menu.removeAttribute("open");
    menu.querySelector("summary").focus();
  }, true);
  return { ask: (root, query) => ask(root, query, world), chosen: (root) => root.dataset.dispatch && enter(root, world) };
}
