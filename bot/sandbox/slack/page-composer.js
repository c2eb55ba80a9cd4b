// The box one types into: it completes slash commands, shows how the one at hand is used, and remembers those sent.

import { el, patch } from "./page-dom.js";

const REMEMBERED = 50;
const TALLEST = 240;
let boxes = 0;

/** A composer at the end of `view`. `send(text)` answers true when the text may go; otherwise it stays in the box. */
export class Composer {
  constructor(view, { world, label, thread, send }) {
    const form = document.getElementById("composer").content.firstElementChild.cloneNode(true);
    const parts = { list: ".completion", usage: ".usage", box: "textarea", button: ".send", keys: ".keys" };
    for (const [name, selector] of Object.entries(parts)) this[name] = form.querySelector(selector);
    Object.assign(this, { world, thread, send });
    this.chosen = 0;
    this.past = null; // where in the history we are; null while typing
    this.closed = false; // Escape closed the list, until the text changes
    this.list.id = `completion-${++boxes}`;
    this.box.setAttribute("aria-controls", this.list.id);
    this.name(label);
    view.querySelector(".slot").replaceWith(form);
    this.box.addEventListener("input", () => this.typed());
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("blur", () => this.close());
    this.list.addEventListener("mousedown", (event) => this.pick(event));
    form.addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
  }

  name(label) {
    this.box.placeholder = label;
    this.box.setAttribute("aria-label", label);
  }

  fill(text) {
    this.box.value = text;
    this.typed();
    this.box.focus();
  }

  say(text = "") {
    this.keys.textContent = text;
  }

  async submit() {
    const text = this.box.value.trim();
    if (!text) return;
    if (text.startsWith("/")) this.remember(text);
    this.box.value = "";
    this.typed();
    const slow = setTimeout(() => this.say(`Waiting for an answer to ${text.split(" ")[0]} …`), 400);
    const gone = await this.send(text);
    clearTimeout(slow);
    this.say();
    if (!gone && !this.box.value) this.fill(text);
  }

  typed() {
    this.past = null;
    this.closed = false;
    this.chosen = 0;
    this.draw();
  }

  key(event) {
    if (event.isComposing) return;
    const open = !this.list.hidden;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (open && step) this.move(step);
    else if (open && (event.key === "Tab" || (event.key === "Enter" && !this.complete()))) this.accept();
    else if (open && event.key === "Escape") this.close();
    else if (step && this.recall(step)) this.draw();
    else if (event.key === "Enter" && !event.shiftKey) this.submit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  matches() {
    const text = this.box.value;
    if (this.thread || this.closed || this.past !== null || !/^\/\S*$/.test(text)) return [];
    return this.world.commands.filter(({ command }) => command.startsWith(text));
  }

  complete() {
    return this.matches()[this.chosen]?.command === this.box.value;
  }

  move(step) {
    const count = this.matches().length;
    this.chosen = (this.chosen + step + count) % count;
    this.draw();
  }

  accept() {
    this.fill(`${this.matches()[this.chosen].command} `);
  }

  pick(event) {
    event.preventDefault(); // the focus stays in the box
    const option = event.target.closest("[data-at]");
    if (!option) return;
    this.chosen = Number(option.dataset.at);
    this.accept();
  }

  close() {
    this.closed = true;
    this.draw();
  }

  history() {
    return JSON.parse(localStorage.getItem(`history-${this.world.me.id}`) ?? "[]");
  }

  remember(text) {
    const kept = [text, ...this.history().filter((old) => old !== text)].slice(0, REMEMBERED);
    localStorage.setItem(`history-${this.world.me.id}`, JSON.stringify(kept));
  }

  /** Arrow up in an empty box, and on from there, walks through the commands sent. */
  recall(step) {
    if (this.thread || (this.past === null && (this.box.value || step > 0))) return false;
    const history = this.history();
    const past = Math.min((this.past ?? -1) - step, history.length - 1);
    if (!history.length) return false;
    this.past = past < 0 ? null : past;
    this.box.value = history[past] ?? "";
    return true;
  }

  draw() {
    const found = this.matches();
    this.list.hidden = found.length === 0;
    patch(this.list, found.map((command, at) => this.option(command, at)));
    if (found.length) this.box.setAttribute("aria-activedescendant", `${this.list.id}-${this.chosen}`);
    else this.box.removeAttribute("aria-activedescendant");
    this.list.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
    this.drawUsage();
    this.button.disabled = !this.box.value.trim();
    this.box.style.height = "auto";
    if (this.box.scrollHeight) this.box.style.height = `${Math.min(this.box.scrollHeight, TALLEST)}px`; // 0: not in sight
  }

  option({ command, usage_hint, description }, at) {
    const chosen = String(at === this.chosen);
    const attributes = { role: "option", id: `${this.list.id}-${at}`, "data-at": at, "aria-selected": chosen };
    return el("div", attributes,
      el("span", {}, el("b", {}, command), " ", el("span", { class: "hint" }, usage_hint)),
      el("span", { class: "muted" }, description));
  }

  /** `/train main ` shows `/train <branch> <tag>` with the word in turn set off. */
  drawUsage() {
    const [name, ...words] = this.box.value.split(/\s+/);
    const command = !this.thread && words.length > 0 && this.world.commands.find((known) => known.command === name);
    const hints = (command && command.usage_hint?.match(/<[^>]*>|\[[^\]]*\]|\S+/g)) || [];
    this.usage.hidden = hints.length === 0;
    const inTurn = (at) => (at === words.length - 1 ? "turn" : null);
    patch(this.usage, [el("b", {}, name), ...hints.flatMap((hint, at) => [" ", el("span", { class: inTurn(at) }, hint)])]);
  }
}
