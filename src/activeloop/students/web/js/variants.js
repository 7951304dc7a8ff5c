// How protein variants are written, in every way people use; the twin of `activeloop.candidates.VariantNotation`.
"use strict";

const AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY";
const THREE_LETTER = {
  ALA: "A", CYS: "C", ASP: "D", GLU: "E", PHE: "F", GLY: "G", HIS: "H", ILE: "I", LYS: "K", LEU: "L",
  MET: "M", ASN: "N", PRO: "P", GLN: "Q", ARG: "R", SER: "S", THR: "T", VAL: "V", TRP: "W", TYR: "Y",
};
const WHAT_IT_MEANS = {
  B: "B means Asn or Asp", J: "J means Leu or Ile", Z: "Z means Gln or Glu",
  X: "X means any residue, to some a stop", O: "O is pyrrolysine", U: "U is selenocysteine", "*": "* is a stop codon",
};
const WILD_TYPE = new Set(
  ["WT", "_WT", "WILDTYPE", "WILD-TYPE", "WILD_TYPE", "WILD TYPE", "PARENT", "P.=", "P.(=)", "=", "_SY"]);
// An underscore or hyphen joins two mutations only after a whole one: `K23_A24del` is one deletion, `A24-` too.
const SEPARATOR = /[:,;/+|&\s]+|(?<=[A-Z=*])_(?=[A-Z]*\d)|(?<=[A-Z])-(?=[A-Z]+\d)/;
const ACCESSION = /(?:[NX]P_|ENSP)\d+(?:\.\d+)?:(?=P\.)/g;
const POSITION = "([A-Z]{3}|[A-Z])?([0-9]{1,6})";
const CHANGE = new RegExp(`^${POSITION}([A-Z]{3}|[A-Z=*])$`);
const DELETION = new RegExp(`^(?:Δ|DEL(?=[A-Z]?\\d))?${POSITION}(?:[_-]${POSITION})?(DEL|-|Δ)?$`);
const INSERTION = new RegExp(`^${POSITION}(?:_${POSITION})?INS([A-Z]+)$`);

/** A text that stands for no candidate; its message is shown to the reader. */
class NotationError extends Error {}

function refuse(message) {
  throw new NotationError(message);
}

class VariantNotation {
  /** parent: one-letter codes. sites: positions to which a string of as many letters refers. */
  constructor(parent, sites = []) {
    this.parent = parent;
    this.sites = sites;
  }

  /** {name, sequence, mutations} of a text. */
  read(text) {
    return this.made(this.#mutations(text));
  }

  made(mutations) {
    return { name: nameOf(mutations), sequence: mutated(this.parent, mutations), mutations };
  }

  #mutations(text) {
    const written = text.trim().toUpperCase();
    if (!written) refuse("Nothing is written here. Write WT for the wild type.");
    if (WILD_TYPE.has(written)) return [];
    if (!/[0-9]/.test(written) && !written.startsWith("P.")) return this.#fromLetters(text.trim(), written);
    const plain = withoutPrefix(written.replace(ACCESSION, ""), "P.").replace(/[()[\]]/g, "");
    const tokens = plain.split(SEPARATOR).filter(Boolean);
    return joined(tokens.flatMap((token) => this.#one(withoutPrefix(token, "P."), text.trim())), text.trim());
  }

  #fromLetters(text, letters) {
    if (this.sites.length && letters.length === this.sites.length) {
      return this.sites
        .map((position, i) => ({ position, old: this.parent[position - 1], new: residue(letters[i], text) }))
        .filter((m) => m.old !== m.new)
        .sort((a, b) => a.position - b.position);
    }
    const gapped = letters.includes("-") && letters.length === this.parent.length;
    const bare = gapped ? letters.replaceAll("-", "") : letters.replace(/\*$/, "");
    if (!(this.parent.length / 2 <= bare.length && bare.length <= 2 * this.parent.length)) {
      const nor = this.sites.length ? ` nor one letter for each of the ${this.sites.length} sites` : "";
      refuse(`"${shortened(text)}" is neither mutations such as ${this.example()} nor a whole sequence (the wild ` +
        `type has ${this.parent.length} residues)${nor}.`);
    }
    checkProtein(bare, `"${shortened(text)}"`);
    return gapped ? readRows(this.parent, letters, 0) : align(this.parent, bare);
  }

  /** A mutation of this wild type, to show how one is written. */
  example(index = 0) {
    const position = this.sites[index] ?? Math.min(this.parent.length, Math.ceil((this.parent.length * (2 + 3 * index)) / 9));
    const old = this.parent[position - 1];
    return `${old}${position}${["A", "L"][index] === old ? "G" : ["A", "L"][index]}`;
  }

  #one(token, text) {
    const deletion = DELETION.exec(token);
    if (deletion && (/^(Δ|DEL)/.test(token) || (deletion[5] && !(deletion[4] && deletion[5] === "-")))) {
      const first = this.#position(deletion[1], deletion[2], text);
      const last = deletion[4] ? this.#position(deletion[3], deletion[4], text) : first;
      if (last < first) refuse(`"${text}" deletes from ${deletion[2]} back to ${deletion[4]}. Write the smaller position first.`);
      return Array.from({ length: last - first + 1 }, (_, i) => (
        { position: first + i, old: this.parent[first + i - 1], new: "" }));
    }
    const change = CHANGE.exec(token);
    if (change) {
      const position = this.#position(change[1], change[2], text);
      if (change[3] === "*" || change[3] === "TER") {
        refuse(`"${shortened(text)}" has a stop codon at ${change[2]}: a shortened protein cannot be predicted here.`);
      }
      const old = this.parent[position - 1];
      const now = change[3] === "=" ? old : residue(change[3], text);
      return now === old ? [] : [{ position, old, new: now }];
    }
    const insertion = INSERTION.exec(token);
    if (insertion) return this.#insertion(insertion, text);
    return refuse(`"${shortened(token)}" cannot be understood. Write ${this.example()}, several joined by a colon ` +
      `(${this.example()}:${this.example(1)}), 24del, 24insGS, WT, or a whole sequence.`);
  }

  #insertion(match, text) {
    const start = Number(match[2]) === 0 ? 0 : this.#position(match[1], match[2], text);
    if (match[4] && Number(match[4]) !== Number(match[2]) + 1) {
      refuse(`"${shortened(text)}" inserts between residues that are not neighbours. Write, for example, 23_24insG.`);
    }
    if (match[4] && start < this.parent.length) this.#position(match[3], match[4], text);
    const three = match[1]?.length === 3 && match[5].length % 3 === 0;
    const letters = match[5].match(three ? /.../g : /./g).map((letter) => residue(letter, text));
    return [{ position: start, old: "", new: letters.join("") }];
  }

  /** The position, checked against the old residue if one was written. */
  #position(old, digits, text) {
    const position = Number(digits);
    if (!(position >= 1 && position <= this.parent.length)) {
      refuse(`"${shortened(text)}": position ${digits} is outside the wild type (1–${this.parent.length}). ` +
        "Check the numbering.");
    }
    const here = this.parent[position - 1];
    if (old && residue(old, text) !== here) {
      refuse(`"${shortened(text)}": the wild type has ${here} at position ${position}, not ${residue(old, text)}. ` +
        "Check the numbering.");
    }
    return position;
  }
}

function joined(found, text) {
  const mutations = found.toSorted
    ? found.toSorted(byPosition)
    : [...found].sort(byPosition);
  for (let i = 1; i < mutations.length; i++) {
    const [a, b] = [mutations[i - 1], mutations[i]];
    if (a.position === b.position && !a.old === !b.old) {
      refuse(`"${shortened(text)}" changes position ${a.position} twice. Keep one of the two.`);
    }
  }
  return mutations;
}

function byPosition(a, b) {
  return a.position - b.position || !a.old - !b.old;
}

function nameOf(mutations) {
  return mutations.map(mutationName).join(":") || "WT";
}

function mutationName(m) {
  return m.old ? `${m.old}${m.position}${m.new || "del"}` : `${m.position}ins${m.new}`;
}

function mutated(parent, mutations) {
  const pieces = ["", ...parent];
  for (const m of mutations) {
    pieces[m.position] = m.old ? m.new + pieces[m.position].slice(1) : pieces[m.position] + m.new;
  }
  return pieces.join("");
}

function residue(written, text) {
  const letter = THREE_LETTER[written] ?? written;
  if (letter.length === 1 && AMINO_ACIDS.includes(letter)) return letter;
  const what = letter.length === 1
    ? unknownLetter(letter)
    : `"${letter[0]}${letter.slice(1).toLowerCase()}", which is no amino acid`;
  return refuse(`"${shortened(text)}" has ${what}. Correct it.`);
}

function unknownLetter(letter) {
  const meaning = WHAT_IT_MEANS[letter] ? ` (${WHAT_IT_MEANS[letter]})` : "";
  return `"${letter}", which is none of the 20 amino acids${meaning}`;
}

function checkProtein(letters, what) {
  if (letters.length >= 12 && /^[ACGTUN]+$/.test(letters)) {
    refuse(`${what} looks like DNA or RNA. Translate it and write the protein.`);
  }
  for (let i = 0; i < letters.length; i++) {
    if (!AMINO_ACIDS.includes(letters[i])) refuse(`${what} has ${unknownLetter(letters[i])} at position ${i + 1}. Correct it.`);
  }
}

function withoutPrefix(text, prefix) {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}
