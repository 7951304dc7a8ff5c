// The network, run by ONNX Runtime on one thread; and its outputs in the units of the assays.
"use strict";

async function unpacked(id) {
  const text = document.getElementById(id).textContent;
  const packed = Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const { readable, writable } = new DecompressionStream("gzip");
  const writer = writable.getWriter();
  writer.write(packed);
  writer.close();
  const pieces = [];
  for await (const piece of readable.values?.() ?? read(readable)) pieces.push(piece);
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

async function* read(stream) {
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

/** Standard deviations from the middle of a normal distribution to an end of its central 90 %. */
const Z90 = 1.6448536269514722;

class Student {
  /** written: what the page was written with: {card, signs, quantiles, varied, notes}. */
  constructor(written, session, file) {
    Object.assign(this, written, { session, file });
    this.reading = new Reading(written.card.reading);
    this.classes = written.card.classes;
    this.last = Promise.resolve();
    // what is shown of a candidate: a value an assay, or a probability a class
    this.outputs = this.classes.length
      ? this.classes.map((name) => ({ name, unit: "", goal: "classify", probability: true }))
      : written.card.assays.map(({ name, unit, goal, scale }) => ({ name, unit, goal, probability: scale === "binary" }));
  }

  static async open(written, runtime) {
    const [wasm, file] = await Promise.all([unpacked("runtime-wasm"), unpacked("student-file")]);
    Object.assign(runtime.env.wasm, { wasmBinary: wasm.buffer, numThreads: 1, proxy: false });
    runtime.env.logLevel = "error";
    const session = await runtime.InferenceSession.create(file, { executionProviders: ["wasm"], logSeverityLevel: 3 });
    session.Tensor = runtime.Tensor;
    return new Student(written, session, file);
  }

  /** Predictions of N sequences, in order; one run at a time. */
  predict(sequences) {
    const run = this.last.then(() => this.#run(sequences));
    this.last = run.catch(() => {});
    return run;
  }

  async #run(sequences) {
    const { data, dims } = this.reading.tokens(sequences);
    const given = new this.session.Tensor("int32", data, dims);
    const made = await this.session.run({ tokens: given });
    const wide = this.outputs.length;
    const deviations = made.deviations;
    const each = deviations.dims[1] * wide;
    return sequences.map((_, n) => this.outputs.map((output, a) => this.#prediction(
      made.mean.data[n * wide + a],
      made.sd.data[n * wide + a],
      Float32Array.from({ length: deviations.dims[1] }, (_, s) => deviations.data[n * each + s * wide + a]),
      a,
    )));
  }

  /** Value, 90 % interval of a new measurement, and what the model does not know, in the unit of the assay. */
  #prediction(mean, sd, deviations, a) {
    if (this.outputs[a].probability) {
      // of assays of 0 and 1 the graph's place has the direction of the goal
      const share = (place) => Math.min(1, Math.max(0, (this.classes.length ? 1 : this.signs[a]) * place));
      const far = (this.classes.length ? this.quantiles[a][1] : Z90) * sd, value = share(mean);
      return { value, low: Math.max(0, value - far), high: Math.min(1, value + far), sd, place: mean, deviations };
    }
    const spread = Math.hypot(sd, this.card.noise[a]), sign = this.signs[a], log = this.card.log?.[a];
    const [least, most] = this.card.assays[a].bounds ?? [null, null];
    // a place on the scale of the graph, where more is better, as a value of the assay
    const value = (place) => Math.min(most ?? Infinity, Math.max(least ?? -Infinity, log ? 10 ** (sign * place) : sign * place));
    const ends = this.quantiles[a].map((q) => value(mean + q * spread));
    const wide = log ? value(mean) * Math.sinh(sd * Math.LN10) : sd;
    return { value: value(mean), low: Math.min(...ends), high: Math.max(...ends), sd: wide, place: mean, deviations };
  }

  /** How probable it is that the first is better than the second, from their joint deviations; null when they are alike. */
  better(first, second, a) {
    if (this.classes.length) return null;
    let square = 0;
    for (let s = 0; s < first.deviations.length; s++) square += (first.deviations[s] - second.deviations[s]) ** 2;
    const spread = Math.sqrt(square / first.deviations.length);
    const ahead = first.place - second.place;
    return spread > 0 ? normalShare(ahead / spread) : null;
  }

  /** Why one should not lean on a prediction, in sentences. */
  cautions(candidate) {
    const found = [];
    const { reading, varied } = this;
    const strange = reading.strangers(candidate.sequence);
    if (strange.length && !reading.positions.length) found.push(`It was never trained on ${strange.map((x) => `"${x}"`).join(", ")}.`);
    if (candidate.sequence.length > reading.width && !reading.positions.length) {
      found.push(`It is longer than any it was trained on (${reading.width}).`);
    }
    const changes = candidate.mutations?.length ?? 0;
    if (varied?.mutations && changes > varied.mutations) {
      found.push(`${counted(changes, "mutation")}: its pool goes up to ${varied.mutations}. Extrapolated.`);
    }
    const never = (candidate.mutations ?? []).filter((m) => varied?.positions.length && !varied.positions.includes(m.position));
    if (never.length) found.push(`${never.map(mutationName).join(", ")}: nothing varies there in its pool. Extrapolated.`);
    return found;
  }
}

/** Share of a standard normal distribution below x, to 1e-7. Source: Abramowitz and Stegun 1964, 26.2.17. */
function normalShare(x) {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const tail = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI) *
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return x > 0 ? 1 - tail : tail;
}
