// What the student says of itself.
"use strict";

function showCard(student) {
  const { card, reading } = student;
  const place = document.getElementById("card");
  const agreement = card.agreement;
  const figures = [
    ["spearman", "Order", "rank correlation with its teacher (Spearman)"],
    ["auroc", "Order", "of its teacher's classes (AUROC)"],
    ["sd_spearman", "Uncertainty", "rank correlation of what both do not know"],
    ["top_recall", "Best tenth", "share of its teacher's best that it finds"],
  ].filter(([key]) => Number.isFinite(agreement[key]));
  if (figures.length) {
    const seen = agreement.candidates ? `Measured on ${counted(agreement.candidates, "candidate")} it was not trained on. ` : "";
    place.append(element("h3", {}, "Agreement with its teacher"), element("dl", { class: "meters" }, ...figures.flatMap(([key, name, what]) => {
      const bar = element("span", { class: "bar", role: "presentation" }, element("span"));
      bar.firstChild.style.width = `${100 * Math.max(0, Math.min(1, agreement[key]))}%`;
      return [element("dt", { title: what }, name), element("dd", {}, bar, element("b", {}, agreement[key].toFixed(3)), element("span", { class: "hint" }, what))];
    })), element("p", { class: "hint" }, `${seen}It imitates a model, not the experiment.`));
  }
  const values = valueFigures(card);
  if (values.length) {
    place.append(element("h3", {}, "Its values beside its teacher's"), element("dl", { class: "facts" },
      ...values.flatMap(([name, what]) => [element("dt", {}, name), element("dd", {}, what)])),
    element("p", { class: "hint" }, "Lengths are standard deviations (SD) of what the teacher predicts."));
  }
  for (const note of notes(student)) place.append(element("p", { class: "note" }, note));
  const lines = [
    ["Predicts", card.classes.length ? `${card.assays[0].name}: probability of ${card.classes.join(", ")}`
      : card.assays.map((a) => `${a.name}${a.unit ? ` (${a.unit})` : ""}, ${goalWords({ goal: a.goal, probability: a.scale === "binary" })}`).join("; ")],
    ["Of", subject(reading)],
    ["Teacher", card.teacher + (card.teacher_version ? ` · version ${card.teacher_version}` : "")],
    ["Data", card.data_hash ? element("code", { title: card.data_hash }, card.data_hash.slice(0, 12)) : "not recorded"],
    ["Network", card.network],
    ["Size", `${counted(card.parameters, "number")}, ${size(student.file.length)}`],
    ["Licence", card.licence || "not stated"],
    ["Made", `${card.created_at.slice(0, 10)} with ActiveLoop ${card.code_version}, seed ${card.seed}`],
  ];
  const file = element("button", { type: "button", onclick: () => save("student.onnx", new Blob([student.file])) }, "Save student.onnx");
  place.append(element("dl", { class: "facts" }, ...lines.flatMap(([name, what]) => [element("dt", {}, name), element("dd", {}, what)])),
    element("p", {}, file));
}

/** How far values are from the teacher's, as pairs of a name and words; [] where it was not measured. */
function valueFigures({ agreement: f, assays, classes }) {
  const known = (...names) => names.every((name) => Number.isFinite(f[name]));
  const signed = (x) => `${Math.abs(x) < 0.005 ? "" : x < 0 ? "−" : "+"}${Math.abs(x).toFixed(2)} SD`;
  const unit = assays[0].unit && !classes.length ? ` ${assays[0].unit}` : "";
  const shown = (x) => `${Number(x.toPrecision(4))}${unit}`;
  return [
    known("rmse") && ["Typical error", `${f.rmse.toFixed(2)} SD`],
    known("top_bias") && ["Best tenth", `${signed(f.top_bias)} on average`],
    known("slope") && ["Slope", f.slope.toFixed(2)],
    known("sd_ratio") && ["Uncertainty", `${f.sd_ratio.toFixed(2)} times the teacher's`],
    known("coverage", "teacher_coverage") && ["90 % intervals", `hold ${percent(f.coverage)} of what the teacher expects, its own ${percent(f.teacher_coverage)}`],
    known("best_rmse", "best_bias") && [`Best ${f.best_candidates} of the pool`, `error ${f.best_rmse.toFixed(2)} SD, ${signed(f.best_bias)} on average`],
    known("wild_type", "teacher_wild_type") && ["Wild type", `${shown(f.wild_type)}; teacher ${shown(f.teacher_wild_type)}`],
  ].filter(Boolean);
}

/** What somebody who relies on it should know first. */
function notes({ card, varied, classes, notes: given, reading }) {
  const found = [...given];
  if (varied?.mutations === 1) found.push("It was made for a pool of single mutants. Predictions for several mutations are extrapolated.");
  else if (varied?.mutations && varied.mutations < (reading.positions.length || Infinity)) found.push(`It was made for variants with at most ${varied.mutations} mutations. Predictions for more are extrapolated.`);
  const order = card.agreement.spearman ?? card.agreement.auroc;
  if (order < 0.95) found.push("It agrees only roughly with its teacher: ask the teacher before an expensive decision.");
  if (card.agreement.sd_spearman < 0.7) found.push("What it says about its own uncertainty follows its teacher only roughly.");
  if (!classes.length && card.noise.every((x) => !x)) found.push("The noise of the assay is not known: the intervals leave it out and are too narrow for single measurements.");
  if (reading.kind === "compounds") found.push("It reads a SMILES letter by letter: write compounds as they were written for its training.");
  return found;
}

function subject(reading) {
  if (reading.positions.length) return `${reading.kind} at ${sites(reading)}`;
  if (reading.parent) return `variants of a protein of ${reading.parent.length} residues`;
  return reading.kind === "compounds" ? "compounds, by their SMILES" : `${reading.kind === "guides" ? "guides" : "sequences"} of ${reading.width} letters`;
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))}\u202fkB` : `${(bytes / 1e6).toFixed(1)}\u202fMB`;
}
