// The section around the map: which background, which output, the legend, the best changes.
"use strict";

class MapSection {
  constructor(student, answer, put) {
    Object.assign(this, { student, answer, put, view: { output: student.classes.length ? student.classes.length - 1 : 0, what: "change" } });
    this.section = document.getElementById("map");
    if (student.reading.kind === "compounds") return;
    this.map = new HeatMap(put);
    this.around = "wild";
    this.wild = student.reading.wildType;
    this.typed = null;
    this.#tools();
    this.#update();
  }

  /** The candidate in the box, or null when there is none. */
  background(candidate) {
    if (!this.map || candidate?.name === this.typed?.name) return;
    this.typed = candidate;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#update(), 350);
  }

  #tools() {
    const { student } = this, place = document.getElementById("map-tools");
    const group = (legend, name, choices, now, change) => {
      const set = element("fieldset", { class: "switch" }, element("legend", { class: "unseen" }, legend));
      for (const [value, text] of choices) {
        const radio = element("input", { type: "radio", name, value: String(value), checked: value === now, onchange: () => change(value) });
        set.append(element("label", {}, radio, element("span", {}, text)));
      }
      place.append(set);
      return set;
    };
    if (this.wild) {
      this.choice = group("Changes of", "around", [["wild", "of the wild type"], ["typed", "of the variant in the box"]], "wild", (value) => { this.around = value; this.#update(); });
    }
    if (student.outputs.length > 1) {
      group("What is shown", "output", student.outputs.map((o, a) => [a, o.name]), this.view.output, (value) => { this.view = { ...this.view, output: value }; this.#show(); });
    }
    group("Colour", "what", [["change", "Change"], ["sd", "Uncertainty"]], "change", (value) => { this.view = { ...this.view, what: value }; this.#show(); });
  }

  async #update() {
    const typed = this.typed && this.typed.mutations?.length !== 0 ? this.typed : null;
    if (this.choice) {
      const radio = this.choice.querySelector("[value=typed]");
      radio.disabled = !typed;
      if (!typed && this.around === "typed") { this.around = "wild"; this.choice.querySelector("[value=wild]").checked = true; }
    }
    const background = this.wild && this.around === "wild" ? this.wild : typed;
    this.section.hidden = !background;
    if (!background || background.name === this.singles?.background.name) return;
    const singles = new Singles(this.student, background);
    this.singles = singles;
    const started = performance.now();
    document.body.dataset.map = "computing";
    await singles.compute(() => this.singles === singles && this.#show(started), () => this.singles !== singles);
    if (this.singles !== singles) return;
    this.#show(started);
    document.body.dataset.map = "ready";
  }

  #show(started = null) {
    const { singles, view, student } = this;
    if (!singles?.reference) return;
    const decimals = student.outputs[view.output].probability ? 3 : this.answer.decimalsOf(view.output, singles.reference[view.output]);
    this.map.show(singles, view, decimals);
    this.#progress(started);
    this.#lead();
    this.#legend(decimals);
    this.#best(decimals);
  }

  #progress(started) {
    const bar = document.getElementById("map-progress"), share = this.singles.known / this.singles.size;
    bar.hidden = share >= 1;
    bar.firstElementChild.style.width = `${100 * share}%`;
    if (share >= 1 || !started) { bar.title = ""; return; }
    const left = ((performance.now() - started) * (1 - share)) / share / 1000;
    bar.title = `about ${Math.ceil(left)} s left`;
  }

  #lead() {
    const { singles } = this, name = singles.background.name;
    const what = name === "WT" ? "the wild type" : shortened(name, 30);
    const computed = singles.known < singles.size ? `${counted(singles.known, "prediction")} of ${counted(singles.size, "prediction")}…` : `${counted(singles.size, "prediction")}, computed here.`;
    document.getElementById("map-lead").textContent = `Every position of ${what} with every letter. ${computed} Click, or press Enter, to write a change into the box.`;
  }

  #legend(decimals) {
    const { singles, view } = this, place = document.getElementById("legend");
    const extent = singles.extent(view.output, view.what), sd = view.what === "sd";
    const unit = this.student.outputs[view.output].unit, minus = this.student.signs[view.output] < 0;
    const ends = sd ? [figure(singles.least(view.output), decimals), "", figure(extent, decimals)]
      : [figure(minus ? extent : -extent, decimals, true), "0", figure(minus ? -extent : extent, decimals, true)];
    const hatched = this.student.varied?.positions.length && singles.columns.some((c) => !this.student.varied.positions.includes(c.position));
    const words = sd ? "what the student does not know" : "change";
    place.replaceChildren(
      element("span", { class: "words" }, sd ? "sure" : "worse"),
      element("span", { class: "scale" }, element("span", { class: sd ? "ramp sd" : "ramp" }), element("span", { class: "ends" }, ...ends.map((end) => element("span", {}, end)))),
      element("span", { class: "words" }, sd ? "unsure" : "better"),
      element("span", { class: "key" }, `${words}${unit ? `, ${unit}` : ""}`),
      element("span", { class: "key" }, element("i", { class: "dot" }), singles.background.name === "WT" ? "wild type" : "as it is"),
      ...(sd ? [] : [element("span", { class: "key" }, element("i", { class: "ring" }), "best")]),
      ...(hatched ? [element("span", { class: "key" }, element("i", { class: "hatch" }), "not varied in its pool")] : []),
    );
  }

  #best(decimals) {
    const { singles, view } = this, place = document.getElementById("best");
    if (singles.known < singles.size) { place.replaceChildren(); return; }
    const sign = this.student.signs[view.output];
    const chips = singles.best(view.output, singles.worthy).map(({ column, row, gain }) => {
      const candidate = singles.candidate(column, row);
      return element("button", { type: "button", class: "chip", "data-name": candidate.name, "data-gain": gain, onclick: () => this.put(candidate.name) },
        element("b", {}, singles.label(column, row)), ` ${figure(sign * gain, decimals, true)}`);
    });
    place.replaceChildren(element("h3", {}, "Best single changes"), element("div", { class: "chips" }, ...chips));
  }
}
