// Texts into candidates, and candidates into tokens; the twin of `activeloop.students.reading`.
"use strict";

const PADDING = 0, UNKNOWN = 1, FIRST = 2;

class Reading {
  /** card: the `reading` of a student's card. */
  constructor({ kind, letters, parent, positions, width }) {
    Object.assign(this, { kind, letters, parent, positions, width });
    this.notation = parent ? new VariantNotation(parent, positions) : null;
  }

  /** {name, sequence, mutations} of what somebody wrote; mutations is null without a wild type. */
  candidate(text) {
    if (this.notation) return this.#atPositions(this.notation.read(text));
    if (this.kind === "compounds") return compound(text);
    if (this.kind === "guides") return this.#guide(text);
    return this.#letters(text);
  }

  get wildType() {
    return this.notation && this.notation.made([]);
  }

  /** What can stand in the box, for somebody who has never seen it. */
  examples() {
    if (this.notation) {
      const [one, two] = [this.notation.example(0), this.notation.example(1)];
      const three = Object.entries(THREE_LETTER).map(([name, letter]) => [letter, name[0] + name.slice(1).toLowerCase()]);
      const long = `p.${one.replace(/[A-Z]/g, (letter) => new Map(three).get(letter))}`;
      const all = this.positions.length > 1
        ? this.positions.map((p) => this.parent[p - 1]).join("").replace(/^./, one.at(-1))
        : null;
      return [one, one === two ? null : `${one}:${two}`, long, all].filter(Boolean);
    }
    if (this.kind === "compounds") return ["CCO", "c1ccccc1O"];
    const long = this.positions.length || this.width;
    return [Array.from({ length: long }, (_, i) => this.letters[(i * 7 + 3) % Math.min(this.letters.length, 4)]).join("")];
  }

  /** Tokens of N candidates: {data: Int32Array, dims: [N, W]}. */
  tokens(sequences) {
    const read = sequences.map((s) => (this.positions.length ? this.positions.map((p) => s[p - 1]) : s));
    const wide = read.reduce((most, s) => Math.max(most, s.length), 1);
    const data = new Int32Array(read.length * wide).fill(PADDING);
    read.forEach((s, row) => {
      for (let i = 0; i < s.length; i++) data[row * wide + i] = this.token(s[i]);
    });
    return { data, dims: [read.length, wide] };
  }

  token(letter) {
    const place = this.letters.indexOf(letter);
    if (place >= 0) return FIRST + place;
    return letter === "-" && this.kind !== "compounds" ? PADDING : UNKNOWN;
  }

  /** Letters of a sequence that the student was never trained on. */
  strangers(sequence) {
    return [...new Set(sequence)].filter((letter) => this.token(letter) === UNKNOWN);
  }

  #atPositions(candidate) {
    if (!this.positions.length) return candidate;
    const read = `This student reads the residues at ${sites(this)} alone`;
    const away = candidate.mutations.find((m) => !m.old || !m.new || !this.positions.includes(m.position));
    if (away) refuse(`${read}: ${mutationName(away)} is ${away.old && away.new ? "elsewhere" : "an insertion or deletion"}.`);
    return candidate;
  }

  #guide(text) {
    const letters = text.trim().toUpperCase().replaceAll("U", "T");
    const wrong = [...letters].find((letter) => !"ACGTN".includes(letter));
    if (!letters) refuse("Nothing is written here. Write the letters of a guide.");
    if (wrong) refuse(`"${shortened(text.trim())}" has "${wrong}", which is no DNA letter (A, C, G, T, N).`);
    return { name: letters, sequence: this.#checkedLength(letters, "guides"), mutations: null };
  }

  #letters(text) {
    const bare = text.trim();
    const letters = this.letters === this.letters.toUpperCase() ? bare.toUpperCase() : bare;
    if (!letters) refuse(`Nothing is written here. Write a sequence of ${counted(this.positions.length || this.width, "letter")}.`);
    if (/[^\x21-\x7e]/.test(letters)) refuse(`"${shortened(text.trim())}" is not a sequence of letters.`);
    return { name: letters, sequence: this.#checkedLength(letters, "sequences"), mutations: null };
  }

  /** The sequence; letters at the read positions alone are set to their places. */
  #checkedLength(letters, what) {
    const last = this.positions.at(-1);
    if (!last) {
      if (letters.length === this.width) return letters;
      return refuse(`"${shortened(letters)}" has ${counted(letters.length, "letter")}; this student was trained on ${what} of ${this.width}.`);
    }
    if (letters.length === this.positions.length && letters.length !== last) {
      const whole = Array(last).fill("-");
      this.positions.forEach((p, i) => { whole[p - 1] = letters[i]; });
      return whole.join("");
    }
    if (letters.length < last || (last === this.positions.length && letters.length > last)) {
      refuse(`"${shortened(letters)}" has ${counted(letters.length, "letter")}; this student reads ${what} of ${last}.`);
    }
    return letters;
  }
}

/** The read positions in words; a whole region by its ends. */
function sites(reading) {
  const [first, last] = [reading.positions[0], reading.positions.at(-1)];
  if (reading.positions.length > 4 && last - first === reading.positions.length - 1) return `positions ${first} to ${last}`;
  const named = reading.positions.map((p) => (reading.parent ? reading.parent[p - 1] : "") + p);
  return named.length < 2 ? named.join("") : `${named.slice(0, -1).join(", ")} and ${named.at(-1)}`;
}

function compound(text) {
  const smiles = text.trim();
  if (!smiles) refuse("Nothing is written here. Write the SMILES of a compound, such as CCO.");
  if (/\s/.test(smiles)) refuse(`"${shortened(smiles)}" has a blank in it; a SMILES has none. Write one compound a line.`);
  for (const [open, close, what] of ["()round bracket", "[]square bracket"].map((x) => [x[0], x[1], x.slice(2)])) {
    let depth = 0;
    for (const letter of smiles) {
      depth += (letter === open) - (letter === close);
      if (depth < 0) break;
    }
    if (depth) refuse(`"${shortened(smiles)}" has a ${what} that is not ${depth < 0 ? "opened" : "closed"}.`);
  }
  return { name: smiles, sequence: smiles, mutations: null };
}
