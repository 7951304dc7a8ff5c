// The map of all single changes: positions across, letters down; drawn on a canvas as wide as the window onto it.
"use strict";

const GUTTER = 30, TOP = 40, ROW = 17, GAP = 5, FOOT = 4;

class HeatMap {
  constructor(put) {
    this.put = put;
    this.canvas = element("canvas", { "aria-hidden": "true" });
    this.spacer = element("div", { class: "spacer" }, this.canvas);
    this.tip = element("div", { class: "tip", "aria-hidden": "true", hidden: true });
    this.window = element("div", {
      class: "window", tabindex: 0, role: "application", "aria-describedby": "map-lead",
      "aria-label": "Map of all single changes. Arrow keys move, Enter writes the change into the box.",
      onscroll: () => { this.tip.hidden = true; this.draw(); }, onkeydown: (event) => this.#key(event),
      onpointermove: (event) => this.#pointer(event), onpointerleave: () => this.#leave(), onclick: (event) => this.#click(event),
      onfocus: () => this.#focus(), onblur: () => this.#leave(),
    }, this.spacer);
    document.getElementById("map-body").append(this.window, this.tip);
    this.says = document.getElementById("map-says");
    this.cursor = null;
    new ResizeObserver(() => this.draw()).observe(this.window.closest("section"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.colours = null; this.draw(); });
  }

  /** singles: what to draw. view: {output, what: "change" or "sd"}. */
  show(singles, view, decimals) {
    if (singles !== this.singles) this.cursor = null;
    Object.assign(this, { singles, view, decimals });
    this.ys = [];
    let y = TOP;
    for (const group of singles.groups) {
      for (const _ of group) { this.ys.push(y); y += ROW; }
      y += GAP;
    }
    this.height = y - GAP + FOOT;
    this.draw();
  }

  draw() {
    if (!this.singles || this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.#paint(); });
  }

  get step() {
    const space = this.#space() - GUTTER - 2;
    return Math.max(15, Math.min(36, space / this.singles.columns.length));
  }

  #space() {
    return document.getElementById("map-both").clientWidth;
  }

  #paint() {
    const { singles, canvas } = this, wide = this.#space(), sharp = devicePixelRatio || 1;
    if (!wide) return;
    this.colours ??= new Colours();
    const ink = this.colours, step = this.step, left = this.window.scrollLeft;
    this.spacer.style.width = `${Math.ceil(GUTTER + step * singles.columns.length)}px`;
    this.spacer.style.height = canvas.style.height = `${this.height}px`;
    const shown = Math.min(wide, Math.ceil(GUTTER + step * singles.columns.length));
    this.window.style.width = `${shown}px`;
    canvas.style.width = `${shown}px`;
    canvas.width = Math.round(shown * sharp);
    canvas.height = Math.round(this.height * sharp);
    const pen = canvas.getContext("2d");
    pen.scale(sharp, sharp);
    this.extent = singles.known ? singles.extent(this.view.output, this.view.what) : 1;
    this.least = this.view.what === "sd" && singles.known ? singles.least(this.view.output) : 0;
    this.marked = singles.known === singles.size && this.view.what === "change" ? new Set(singles.best(this.view.output, singles.worthy).map((x) => singles.cell(x.column, x.row))) : new Set();
    const first = Math.max(0, Math.floor(left / step)), last = Math.min(singles.columns.length - 1, Math.floor((left + shown) / step));
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (let column = first; column <= last; column++) this.#column(pen, ink, column, GUTTER + column * step - left, step);
    this.#gutter(pen, ink);
  }

  #column(pen, ink, column, x, step) {
    const { singles } = this, { position, letter, wild } = singles.columns[column];
    const font = getComputedStyle(document.body).fontFamily;
    const varied = singles.student.varied?.positions;
    const strange = varied?.length && !varied.includes(position);
    if (position % 5 === 0 || step >= 26 || singles.columns.length < 12) {
      pen.fillStyle = ink.muted;
      pen.font = `10px ${font}`;
      pen.fillText(String(position), x + step / 2, 10);
    }
    pen.fillStyle = letter === wild || wild === null ? ink.ink : ink.focus;
    pen.font = `${letter === wild ? 500 : 700} 12px ${font}`;
    pen.fillText(letter || "–", x + step / 2, 26);
    for (let row = 0; row < singles.letters.length; row++) {
      const y = this.ys[row], cell = singles.cell(column, row);
      pen.fillStyle = this.#colour(cell, ink);
      pen.fillRect(x, y, step - 1, ROW - 1);
    }
    if (strange) this.#hatch(pen, ink, x, step);
    this.#marks(pen, ink, column, x, step);
    if (this.cursor?.column === column) {
      pen.strokeStyle = ink.focus;
      pen.lineWidth = 2.5;
      pen.strokeRect(x - 1, this.ys[this.cursor.row] - 1, step + 1, ROW + 1);
    }
  }

  /** A dot where nothing changes, a frame around the best. */
  #marks(pen, ink, column, x, step) {
    const { singles } = this;
    for (let row = 0; row < singles.letters.length; row++) {
      const y = this.ys[row];
      if (singles.isBackground(column, row)) {
        pen.fillStyle = ink.ink;
        pen.beginPath();
        pen.arc(x + (step - 1) / 2, y + (ROW - 1) / 2, 2.4, 0, 7);
        pen.fill();
      } else if (this.marked.has(singles.cell(column, row))) {
        for (const [colour, wide] of [[ink.surface, 4.5], [ink.ink, 1.6]]) { // two, to be seen on any colour
          pen.strokeStyle = colour;
          pen.lineWidth = wide;
          pen.strokeRect(x + 1.5, y + 1.5, step - 4, ROW - 4);
        }
      }
    }
  }

  /** Positions that do not vary in the pool that the student was made for. */
  #hatch(pen, ink, x, step) {
    pen.save();
    pen.beginPath();
    pen.rect(x, TOP, step - 1, this.height - TOP - FOOT);
    pen.clip();
    pen.strokeStyle = ink.surface;
    pen.lineWidth = 1.5;
    pen.beginPath();
    for (let y = TOP - step; y < this.height; y += 6) { pen.moveTo(x, y + step); pen.lineTo(x + step, y); }
    pen.stroke();
    pen.restore();
  }

  #colour(cell, ink) {
    const { singles, view } = this;
    if (!Number.isFinite(singles.values[view.output].value[cell])) return ink.empty;
    if (view.what === "sd") return ink.uncertainty((singles.values[view.output].sd[cell] - this.least) / (this.extent - this.least || 1));
    return ink.change(singles.gain(view.output, cell) / this.extent);
  }

  #gutter(pen, ink) {
    pen.fillStyle = ink.surface;
    pen.fillRect(0, 0, GUTTER - 2, this.height);
    pen.fillStyle = ink.ink;
    pen.font = `500 12px ${getComputedStyle(document.body).fontFamily}`;
    [...this.singles.letters].forEach((letter, row) => pen.fillText(letter, 12, this.ys[row] + ROW / 2));
  }

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top;
    const column = Math.floor((x - GUTTER + this.window.scrollLeft) / this.step);
    const row = this.ys.findIndex((top) => y >= top && y < top + ROW);
    return x >= GUTTER && row >= 0 && column >= 0 && column < this.singles.columns.length ? { column, row } : null;
  }

  #pointer(event) {
    if (event.pointerType === "touch") return;
    const here = this.#at(event);
    if (here?.column === this.cursor?.column && here?.row === this.cursor?.row) return;
    this.cursor = here;
    this.#tell(false);
  }

  #leave() {
    this.cursor = null;
    this.tip.hidden = true;
    this.draw();
  }

  #focus() {
    if (this.cursor || !this.singles || !this.window.matches(":focus-visible")) return;
    this.cursor = { column: Math.ceil(this.window.scrollLeft / this.step), row: 0 };
    this.#tell(true);
  }

  #click(event) {
    this.cursor = this.#at(event);
    if (this.cursor) this.#choose();
  }

  #key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], PageUp: [-10, 0], PageDown: [10, 0], Home: [-1e9, 0], End: [1e9, 0] };
    const move = moves[event.key];
    if (event.key === "Escape") { this.#leave(); return; }
    if ((event.key === "Enter" || event.key === " ") && this.cursor) { event.preventDefault(); this.#choose(); return; }
    if (!move) return;
    event.preventDefault();
    const now = this.cursor ?? { column: 0, row: 0 };
    const limit = (x, most) => Math.max(0, Math.min(most - 1, x));
    this.cursor = { column: limit(now.column + move[0], this.singles.columns.length), row: limit(now.row + move[1], this.singles.letters.length) };
    const x = this.cursor.column * this.step;
    if (x < this.window.scrollLeft) this.window.scrollLeft = x;
    if (x + this.step > this.window.scrollLeft + this.window.clientWidth - GUTTER) this.window.scrollLeft = x + this.step - this.window.clientWidth + GUTTER;
    this.#tell(true);
  }

  #choose() {
    const candidate = this.singles.candidate(this.cursor.column, this.cursor.row);
    this.#tell(false);
    this.says.textContent = `${shortened(candidate.name)} is in the box.`;
    this.put(candidate.name);
  }

  /** Shows the value of the cell under the cursor beside it; `aloud` for those who hear it. */
  #tell(aloud) {
    this.draw();
    this.tip.hidden = !this.cursor;
    if (!this.cursor) return;
    const { singles, view, decimals, cursor } = this, cell = singles.cell(cursor.column, cursor.row);
    const values = singles.values[view.output], label = singles.label(cursor.column, cursor.row);
    const same = singles.isBackground(cursor.column, cursor.row);
    const known = Number.isFinite(values.value[cell]);
    const unit = singles.student.outputs[view.output].unit;
    const change = singles.student.signs[view.output] * singles.gain(view.output, cell);
    const lines = known
      ? [`${figure(values.value[cell], decimals)}${unit ? ` ${unit}` : ""}`, `90 %: ${figure(values.low[cell], decimals)} to ${figure(values.high[cell], decimals)}`,
        same ? "as it is" : `${figure(change, decimals, true)} by this change`,
        ...(view.what === "sd" ? [`not known to ${figure(values.sd[cell], decimals)} (sd)`] : [])]
      : ["not computed yet"];
    this.tip.replaceChildren(element("b", {}, label), ...lines.map((line) => element("span", {}, line)));
    const wide = this.window.clientWidth;
    const x = GUTTER + (cursor.column + 1) * this.step - this.window.scrollLeft + 8;
    const flipped = x + 168 > Math.max(wide, this.#space());
    this.tip.style.left = `${Math.max(0, flipped ? x - this.step - 16 - this.tip.offsetWidth : x)}px`;
    this.tip.style.top = `${Math.min(this.ys[cursor.row] - 8, this.height - 84)}px`;
    this.says.textContent = aloud ? `${label}: ${lines.join(", ")}` : "";
  }
}
