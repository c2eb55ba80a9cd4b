// The question before a button does something that cannot be undone. Modals (views.open) will be this file's neighbour.

import { text } from "./page-blocks.js";
import { patch } from "./page-dom.js";

const part = (name) => document.getElementById(name);
const words = (fallback) => ({ type: "plain_text", text: fallback });

/** True when the person agreed. The browser keeps the focus inside, gives it back, and closes on Escape. */
export function confirmed({ title, text: body, confirm, deny, style }, world) {
  const dialog = part("confirm");
  patch(part("confirm-title"), text(title ?? words("Are you sure?"), world));
  patch(part("confirm-text"), body ? text(body, world) : []);
  patch(part("confirm-yes"), text(confirm ?? words("Yes"), world));
  patch(part("confirm-deny"), text(deny ?? words("Cancel"), world));
  part("confirm-yes").className = `button ${style ?? "primary"}`;
  dialog.returnValue = "deny";
  dialog.showModal();
  part("confirm-deny").focus();
  return new Promise((done) => { dialog.onclose = () => done(dialog.returnValue === "confirm"); });
}
