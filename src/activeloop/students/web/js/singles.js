// All single changes of a background: which there are, and what the student predicts of each.
"use strict";

// neighbours in the map are neighbours in chemistry
const GROUPS = ["AVLIMC", "FWY", "GP", "STNQ", "HKR", "DE"];

/** Letters of the rows, in groups. */
function letterGroups(letters) {
  const protein = [...letters].every((letter) => AMINO_ACIDS.includes(letter)) && letters.length > 6;
  if (!protein) return [letters === "ACGTN" ? "ACGT" : letters];
  return GROUPS.map((group) => [...group].filter((letter) => letters.includes(letter)).join("")).filter(Boolean);
}

class Singles {
  /** background: a candidate. Values are kept by column, then by row. */
  constructor(student, background) {
    Object.assign(this, { student, background });
    const { reading } = student;
    this.groups = letterGroups(reading.letters);
    this.letters = this.groups.join("");
    const length = reading.parent ? reading.parent.length : background.sequence.length;
    const positions = reading.positions.length ? reading.positions : Array.from({ length }, (_, i) => i + 1);
    this.columns = positions.map((position) => ({ position, ...this.#here(position) }));
    this.size = this.columns.length * this.letters.length;
    this.known = 0;
    this.worthy = Math.min(10, Math.floor(this.size / 5)); // how many of the best are pointed out
    this.values = student.outputs.map(() => ({
      value: new Float32Array(this.size).fill(NaN), low: new Float32Array(this.size),
      high: new Float32Array(this.size), sd: new Float32Array(this.size),
    }));
  }

  /** The letter that stands at a position of the background ("" when it was deleted), and in the wild type. */
  #here(position) {
    const { parent } = this.student.reading;
    if (!parent) return { letter: this.background.sequence[position - 1], wild: null };
    const wild = parent[position - 1];
    const mutation = this.background.mutations.find((m) => m.old && m.position === position);
    return { letter: mutation ? mutation.new : wild, wild };
  }

  cell(column, row) {
    return column * this.letters.length + row;
  }

  candidate(column, row) {
    const { position, wild } = this.columns[column], letter = this.letters[row];
    if (wild === null) {
      const sequence = this.background.sequence;
      const changed = sequence.slice(0, position - 1) + letter + sequence.slice(position);
      return { name: changed, sequence: changed, mutations: null };
    }
    const others = this.background.mutations.filter((m) => !(m.old && m.position === position));
    const own = letter === wild ? [] : [{ position, old: wild, new: letter }];
    return this.student.reading.notation.made([...others, ...own].sort(byPosition));
  }

  /** What the change is called, against the background. */
  label(column, row) {
    const { letter, position } = this.columns[column];
    const now = this.letters[row];
    return /[A-Z]/i.test(now) ? `${letter || "del"}${position}${now}` : `${position}: ${letter} → ${now}`;
  }

  isBackground(column, row) {
    return this.columns[column].letter === this.letters[row];
  }

  /** Predicts everything in short steps; `step` is called after each. Ends early when `cancelled()`. */
  async compute(step, cancelled) {
    [this.reference] = await this.student.predict([this.background.sequence]);
    let many = 4;
    for (let at = 0; at < this.size && !cancelled();) {
      const some = Array.from({ length: Math.min(many, this.size - at) }, (_, i) => at + i);
      const started = performance.now();
      const predictions = await this.student.predict(some.map((n) =>
        this.candidate(Math.floor(n / this.letters.length), n % this.letters.length).sequence));
      predictions.forEach((outputs, i) => outputs.forEach((prediction, a) => {
        for (const key of ["value", "low", "high", "sd"]) this.values[a][key][at + i] = prediction[key];
      }));
      const took = performance.now() - started;
      at += some.length;
      this.known = at;
      // steps of about 25 ms keep the page fluent on any machine
      many = Math.max(1, Math.min(256, Math.round((many * 25) / Math.max(1, took)), many * 2));
      step();
      await new Promise((go) => setTimeout(go));
    }
  }

  /** How much better than the background a cell is, in the unit of the assay. */
  gain(a, cell) {
    return this.student.signs[a] * (this.values[a].value[cell] - this.reference[a].value);
  }

  /** Cells with the largest gain: [{column, row, gain}]. */
  best(a, many) {
    const found = [];
    for (let column = 0; column < this.columns.length; column++) {
      for (let row = 0; row < this.letters.length; row++) {
        const gain = this.gain(a, this.cell(column, row));
        if (!this.isBackground(column, row) && Number.isFinite(gain)) found.push({ column, row, gain });
      }
    }
    return found.sort((x, y) => y.gain - x.gain).slice(0, many);
  }

  /** The smallest spread. */
  least(a) {
    return this.values[a].sd.subarray(0, this.known).reduce((x, y) => Math.min(x, y));
  }

  /** A size of change, or of spread, that only two of a hundred cells exceed. */
  extent(a, what) {
    const sizes = [];
    for (let n = 0; n < this.known; n++) {
      const x = what === "sd" ? this.values[a].sd[n] : Math.abs(this.gain(a, n));
      if (Number.isFinite(x)) sizes.push(x);
    }
    sizes.sort((x, y) => x - y);
    return sizes[Math.floor(0.98 * (sizes.length - 1))] || 1e-9;
  }
}
