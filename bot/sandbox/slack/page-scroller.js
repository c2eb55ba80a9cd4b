// A list that stays at its end while one reads there, and otherwise stands still and offers the way down.

import { patch } from "./page-dom.js";

const NEAR = 60;

export class Scroller {
  constructor(view, { bottom }) {
    this.box = view.querySelector(".scroller");
    this.rows = view.querySelector(".rows");
    this.pill = view.querySelector(".pill");
    this.atEnd = true;
    this.bottom = bottom;
    this.box.addEventListener("scroll", () => this.moved(), { passive: true });
    this.pill.addEventListener("click", () => this.toEnd());
    const resized = new ResizeObserver(() => this.atEnd && this.toEnd());
    resized.observe(this.rows);
    resized.observe(this.box);
  }

  draw(rows) {
    patch(this.rows, rows);
    if (this.atEnd) this.toEnd();
  }

  /** Something came in: the pill says so to a reader who is further up. */
  arrived() {
    this.pill.hidden = this.atEnd;
  }

  toEnd() {
    this.atEnd = true;
    this.pill.hidden = true;
    this.box.scrollTop = this.box.scrollHeight;
  }

  moved() {
    this.atEnd = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < NEAR;
    if (!this.atEnd) return;
    this.pill.hidden = true;
    this.bottom();
  }
}
