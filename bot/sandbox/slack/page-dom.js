// Elements from plain data, and the one way the page changes: a new tree is drawn and the standing one is brought to
// agree with it, so that focus, selection, scrolling and pictures survive an edit. What people and programs wrote only
// ever becomes a text node or an attribute, never markup.

const SVG = "http://www.w3.org/2000/svg";
const drawn = new WeakMap(); // a standing node -> what it was drawn from
const absent = (value) => value === null || value === undefined || value === false;

/** `el("p", {class: "note"}, "text", [nodes], null)`: null, undefined and false are left out, children and attributes. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (!absent(value)) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => !absent(child)));
  return node;
}

/** One of the drawings at the end of page.html. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/**
 * Bring the children of `parent` to agree with `nodes`. One with a `data-key` keeps its identity when it moves. Instead of
 * a node there may be `{key, depends, draw}`: it is drawn only when a value in `depends` is another than the last time.
 */
export function patch(parent, nodes) {
  const wanted = nodes.map((node) => (typeof node === "string" ? document.createTextNode(node) : node));
  const keys = new Set(wanted.map(key).filter(Boolean));
  const standing = new Map();
  for (const child of [...parent.childNodes]) {
    if (key(child) && !keys.has(key(child))) child.remove();
    else if (key(child)) standing.set(key(child), child);
  }
  let at = parent.firstChild;
  for (const next of wanted) {
    const old = key(next) ? standing.get(key(next)) : at && !key(at) ? at : null;
    const fresh = old && next.draw && same(drawn.get(old), next.depends) ? null : next.draw?.() ?? next;
    const standsOn = old && (!fresh || old.nodeName === fresh.nodeName);
    if (!standsOn) parent.insertBefore(fresh, at);
    else if (old === at) at = at.nextSibling;
    else parent.insertBefore(old, at);
    if (standsOn && fresh) morph(old, fresh);
    if (next.draw) drawn.set(standsOn ? old : fresh, next.depends);
  }
  while (at) {
    const rest = at.nextSibling;
    at.remove();
    at = rest;
  }
}

const key = (node) => node.key ?? node.dataset?.key;
const same = (before, now) => before?.length === now.length && before.every((value, at) => value === now[at]);

function morph(old, next) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return;
  }
  const theirs = old.nodeName === "DETAILS" ? "open" : null; // the browser's own: what a person opened stays open
  for (const { name } of [...old.attributes]) if (!next.hasAttribute(name) && name !== theirs) old.removeAttribute(name);
  for (const { name, value } of next.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  patch(old, [...next.childNodes]);
}
