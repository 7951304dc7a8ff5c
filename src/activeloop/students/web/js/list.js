// The list of candidates: a table, a CSV file, and the address of the page, which keeps it.
"use strict";

class List {
  constructor(student, answer, pick) {
    Object.assign(this, { student, answer, pick, rows: [], sorted: null });
    this.place = document.getElementById("rows");
    this.says = document.getElementById("list-says");
    this.buttons = ["csv", "clear"].map((id) => document.getElementById(id));
    this.buttons[0].addEventListener("click", () => this.#download());
    this.buttons[1].addEventListener("click", () => { this.rows = []; this.says.textContent = ""; this.#changed(); });
    this.#draw();
  }

  /** Reads lines, predicts the good ones and says which were bad; returns the bad lines. */
  async add(lines, tell = true) {
    const known = new Set(this.rows.map((row) => row.candidate.name));
    const bad = [], fresh = [];
    let again = 0;
    lines.forEach((line, i) => {
      if (!line.trim()) return;
      try {
        const candidate = this.student.reading.candidate(line);
        if (known.has(candidate.name)) again++;
        else { known.add(candidate.name); fresh.push(candidate); }
      } catch (error) {
        if (!(error instanceof NotationError)) throw error;
        bad.push({ line, number: i + 1, why: error.message });
      }
    });
    // one run for those of one length, so that a long one does not widen them all
    const order = fresh.map((_, i) => i).sort((a, b) => fresh[a].sequence.length - fresh[b].sequence.length);
    const made = Array(fresh.length);
    for (let i = 0; i < order.length; i += 64) {
      const some = order.slice(i, i + 64);
      const predictions = await this.student.predict(some.map((n) => fresh[n].sequence));
      some.forEach((n, k) => { made[n] = { candidate: fresh[n], predictions: predictions[k], cautions: this.student.cautions(fresh[n]) }; });
      if (i + 64 < order.length) await new Promise((go) => setTimeout(go));
    }
    this.rows.push(...made);
    this.#changed();
    if (tell || bad.length) this.#tell(fresh.length, again, bad, lines.length);
    return bad.map((x) => x.line);
  }

  #tell(added, again, bad, lines) {
    const parts = [];
    if (lines > 1 || again) parts.push(`${added} added${again ? `, ${again} in the list already` : ""}.`);
    if (bad.length) parts.push(`${counted(bad.length, "line")} could not be read:`);
    this.says.replaceChildren(parts.join(" "));
    if (bad.length) {
      this.says.append(element("ul", {}, ...bad.slice(0, 8).map((x) => element("li", {}, `line ${x.number}: ${x.why}`)),
        ...(bad.length > 8 ? [element("li", {}, `and ${bad.length - 8} more`)] : [])));
    }
  }

  #changed() {
    const kept = this.rows.map((row) => row.candidate.name).join("\n");
    history.replaceState(null, "", kept ? `#list=${encodeURIComponent(kept)}` : location.pathname + location.search);
    this.#draw();
  }

  #draw() {
    for (const button of this.buttons) button.disabled = !this.rows.length;
    const wild = this.answer.wild;
    if (!this.rows.length) {
      this.place.replaceChildren(element("p", { class: "empty" }, "Nothing yet. Press Enter in the box above, or paste many lines below."));
      return;
    }
    const head = element("tr", {}, this.#header("Candidate", (row) => row.candidate.name, 0, 2));
    const second = element("tr");
    this.student.outputs.forEach((output, a) => {
      const wide = wild ? 3 : 2;
      head.append(element("th", { colspan: wide, scope: "colgroup", class: "group" }, output.name + (output.unit ? ` (${output.unit})` : "")));
      second.append(this.#header(output.probability ? "probability" : "predicted", (row) => row.predictions[a].value, 1 + a, 1, "number"));
      second.append(element("th", { scope: "col" }, "90 % interval"));
      if (wild) second.append(element("th", { scope: "col", class: "number" }, "against wild type"));
    });
    head.append(element("th", { scope: "col", rowspan: 2 }, element("span", { class: "unseen" }, "Remarks and removal")));
    const body = element("tbody", {}, ...this.#ordered().map((row) => this.#row(row)));
    this.place.replaceChildren(element("table", {}, element("thead", {}, head, second), body));
  }

  #header(text, by, key, rowspan = 1, kind = "") {
    const now = this.sorted?.key === key ? this.sorted.down : null;
    const press = () => { this.sorted = now === false ? null : { key, by, down: now === null }; this.#draw(); };
    const arrow = now === null ? "" : now ? " ↓" : " ↑";
    const order = now === null ? "none" : now ? "descending" : "ascending";
    return element("th", { scope: "col", rowspan, class: kind, "aria-sort": order }, element("button", { type: "button", class: "sort", onclick: press }, text + arrow));
  }

  #ordered() {
    if (!this.sorted) return this.rows;
    const { by, down } = this.sorted;
    const compare = (a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0);
    return [...this.rows].sort((a, b) => (down ? compare(b, a) : compare(a, b)));
  }

  #row(row) {
    const name = row.candidate.name;
    const cells = row.predictions.flatMap((prediction, a) => {
      const { probability } = this.student.outputs[a], wild = this.answer.wild?.[a];
      const decimals = probability ? 3 : this.answer.decimalsOf(a, prediction);
      const change = wild && prediction.value - wild.value;
      return [
        element("td", { class: "number strong", "data-value": prediction.value }, figure(prediction.value, decimals)),
        element("td", { "data-low": prediction.low, "data-high": prediction.high }, `${figure(prediction.low, decimals)} to ${figure(prediction.high, decimals)}`),
        ...(wild ? [element("td", { class: `number ${this.student.signs[a] * change > 0 ? "up" : change ? "down" : ""}` }, figure(change, decimals, true))] : []),
      ];
    });
    const remark = row.cautions.length ? element("span", { class: "flag", title: row.cautions.join(" ") }, "extrapolated") : null;
    const remove = () => { this.rows.splice(this.rows.indexOf(row), 1); this.#changed(); };
    return element("tr", { "data-name": name },
      element("th", { scope: "row" }, element("button", { type: "button", class: "link", title: name, onclick: () => this.pick(name) }, shortened(name, 48))),
      ...cells,
      element("td", { class: "end" }, remark, element("button", { type: "button", class: "quiet", "aria-label": `Remove ${shortened(name)}`, onclick: remove }, "×")));
  }

  /** The list as text: numbers in full, a decimal point, one row a candidate; columns as `activeloop predict` names them. */
  text() {
    const columns = this.student.outputs.flatMap(({ name, probability }) => {
      const of = `${name} ${probability ? "probability" : "measurement"}`;
      return [name, `${name} model sd`, `${of} low`, `${of} high`];
    });
    const rows = this.#ordered().map(({ candidate, predictions, cautions }) => [
      candidate.name, ...predictions.flatMap((b) => [b.value, b.sd, b.low, b.high].map((x) => Number(x.toPrecision(7)))), cautions.join(" "),
    ]);
    return [["candidate", ...columns, "remarks"], ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
  }

  #download() {
    save("predictions.csv", new Blob([this.text()], { type: "text/csv" }));
  }
}

function cell(value) {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function save(name, blob) {
  const address = URL.createObjectURL(blob);
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
