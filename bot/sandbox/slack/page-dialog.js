// The question before something is done that cannot be undone, and a picture in its full size.

import { patch } from "./page-dom.js";
import { text } from "./page-text.js";

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

/** Show the picture inside `frame` as large as the window allows. */
export function enlarge(frame) {
  const small = frame.querySelector("img");
  const large = part("picture-large");
  Object.assign(large, { src: small.src, alt: small.alt });
  part("picture-name").textContent = frame.closest("figure").querySelector("figcaption")?.textContent || small.alt || "Picture";
  part("picture-link").href = small.src;
  part("picture").showModal();
}
