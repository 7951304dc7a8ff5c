// The prediction of what stands in the box, against the wild type.
"use strict";

class Answer {
  constructor(student, wild) {
    Object.assign(this, { student, wild, place: document.getElementById("answer") });
    this.decimals = student.outputs.map((_, a) => wild ? decimalsFor(halfWidth(wild[a])) : null);
  }

  /** Decimals of an output; taken from the first prediction when there is no wild type. */
  decimalsOf(a, prediction) {
    this.decimals[a] ??= decimalsFor(halfWidth(prediction));
    return this.decimals[a];
  }

  /** Nothing stands in the box: the wild type is shown, or what to do. */
  rest() {
    const { wildType } = this.student.reading;
    if (wildType) this.show(wildType, this.wild);
    else this.place.replaceChildren(element("p", { class: "hint" }, "Its prediction appears here, with the interval in which measurements should fall."));
  }

  clear() {
    this.place.replaceChildren();
  }

  show(candidate, predictions) {
    const many = candidate.mutations?.length ?? null;
    const what = many === 0 ? "the wild type" : many ? counted(many, "mutation") : null;
    const cautions = this.student.cautions(candidate);
    this.place.replaceChildren(...[
      element("p", { class: "understood" }, element("b", {}, shortened(candidate.name, 60)), what ? ` · ${what}` : ""),
      ...(this.student.classes.length ? [this.#shares(predictions)] : predictions.map((b, a) => this.#value(candidate, b, a))),
      this.#sequence(candidate),
      ...cautions.map((text) => element("p", { class: "note" }, text)),
    ].filter(Boolean));
  }

  /** The wild type in tens, what is changed standing out. */
  #sequence({ mutations }) {
    const { parent, positions } = this.student.reading;
    if (!parent) return null;
    const at = new Map(mutations.filter((m) => m.old).map((m) => [m.position, m]));
    const behind = new Map(mutations.filter((m) => !m.old).map((m) => [m.position, m]));
    const added = (position) => (behind.has(position) ? [element("ins", {}, behind.get(position).new)] : []);
    const tens = [];
    for (let start = 0; start < parent.length; start += 10) {
      const ten = element("span", { class: "ten" }, element("small", {}, String(start + 1)), ...(start ? [] : added(0)));
      for (let i = start; i < Math.min(start + 10, parent.length); i++) {
        const mutation = at.get(i + 1);
        if (mutation) ten.append(element("mark", { title: mutationName(mutation) }, mutation.new || "–"));
        else if (positions.length && positions.includes(i + 1)) ten.append(element("u", {}, parent[i]));
        else ten.append(parent[i]);
        ten.append(...added(i + 1));
      }
      tens.push(ten);
    }
    return element("div", { class: "sequence", "aria-hidden": "true" }, ...tens);
  }

  #value(candidate, prediction, a) {
    const output = this.student.outputs[a], wild = this.wild?.[a], decimals = this.decimalsOf(a, prediction);
    const unit = output.unit ? element("span", { class: "unit" }, ` ${output.unit}`) : null;
    const lines = [element("p", { class: "name" }, output.name, element("span", {}, ` · ${goalWords(output)}`))];
    lines.push(element("p", { class: "value" }, figure(prediction.value, decimals), unit));
    if (wild && candidate.mutations?.length) lines.push(this.#against(prediction, wild, a, decimals));
    lines.push(intervalPlot(prediction, wild && candidate.mutations?.length ? wild : null, decimals, this.#range(a, prediction)));
    lines.push(element("p", { class: "hint" },
      output.probability
        ? `The probability of 1 is between ${figure(prediction.low, decimals)} and ${figure(prediction.high, decimals)}, with 90 %.`
        : `Nine of ten measurements should fall between ${figure(prediction.low, decimals)} and ${figure(prediction.high, decimals)}.`));
    return element("div", { class: "output" }, ...lines);
  }

  #against(prediction, wild, a, decimals) {
    const sign = this.student.signs[a], change = prediction.value - wild.value;
    const sure = this.student.better(prediction, wild, a);
    const better = sign * change > 0;
    const words = sure === null ? "" : `, ${better ? "better" : "worse"} with a probability of ${percent(better ? sure : 1 - sure)}`;
    return element("p", { class: `change ${better ? "up" : "down"}` },
      element("b", {}, figure(change, decimals, true)), ` against the wild type${words}`);
  }

  /** Ends of the axis: they stay while one types, and widen when a prediction falls outside. */
  #range(a, prediction) {
    this.ranges ??= [];
    const seen = [prediction, this.wild?.[a]].filter(Boolean);
    const [low, high] = this.ranges[a] ?? [Infinity, -Infinity];
    const [least, most] = [Math.min(low, ...seen.map((b) => b.low)), Math.max(high, ...seen.map((b) => b.high))];
    const margin = least < low || most > high ? 0.08 * (most - least || 1) : 0;
    this.ranges[a] = [least < low ? least - margin : low, most > high ? most + margin : high];
    return this.ranges[a];
  }

  #shares(predictions) {
    const rows = predictions.map((prediction, a) => {
      const change = this.wild ? prediction.value - this.wild[a].value : 0;
      const range = `${percent(prediction.low)} to ${percent(prediction.high)}`;
      const bar = element("span", { class: "bar", role: "presentation" }, element("span"));
      bar.firstChild.style.width = `${100 * prediction.value}%`;
      return element("div", { class: "share" },
        element("span", { class: "class" }, this.student.outputs[a].name), bar,
        element("b", {}, percent(prediction.value)),
        element("span", { class: "hint" }, range + (this.wild ? `; wild type ${percent(this.wild[a].value)}` : "")));
    });
    const name = this.student.card.assays[0].name;
    return element("div", { class: "output" }, element("p", { class: "name" }, name, element("span", {}, " · probability, 90 % interval")), ...rows);
  }
}

function halfWidth(prediction) {
  return (prediction.high - prediction.low) / 2;
}

function goalWords({ goal, probability }) {
  const words = { maximise: "more is better", minimise: "less is better", classify: "probability" }[goal];
  return probability && goal !== "classify" ? `probability of 1, ${words}` : words;
}

/** Numbers that divide an axis evenly, few enough to be read. */
function ticks(low, high, most) {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((x) => x * power >= rough) ?? 10);
  const found = [];
  for (let x = Math.ceil(low / step) * step; x <= high + step * 1e-9; x += step) found.push(Math.abs(x) < step / 1e6 ? 0 : x);
  return { at: found, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

/** A picture of an interval on an axis, the wild type's above it. */
function intervalPlot(prediction, wild, decimals, [low, high]) {
  const at = (value) => 3 + (94 * (value - low)) / (high - low || 1);
  const words = `90 % interval from ${figure(prediction.low, decimals)} to ${figure(prediction.high, decimals)}` +
    (wild ? `; wild type ${figure(wild.value, decimals)}, from ${figure(wild.low, decimals)} to ${figure(wild.high, decimals)}` : "");
  const made = element("div", { class: wild ? "plot two" : "plot", role: "img", "aria-label": words });
  const put = (kind, left, right, text = "") => {
    const item = element("span", { class: kind }, text);
    item.style.left = `${at(left)}%`;
    if (right !== null) item.style.width = `${at(right) - at(left)}%`;
    made.append(item);
  };
  const { at: marks, decimals: figures } = ticks(low, high, 6);
  for (const mark of marks) put("tick", mark, null, figure(mark, figures));
  if (wild) {
    put("stem", wild.value, null);
    put("reach wild", wild.low, wild.high);
    put("point wild", wild.value, null);
    put("tag", wild.low, null, "wild type");
  }
  put("reach", prediction.low, prediction.high);
  put("point", prediction.value, null);
  return made;
}
