// Wires the page together.
"use strict";

async function start() {
  const box = document.getElementById("box"), says = document.getElementById("says");
  checkContent(["student-card", "student-file"]);
  const written = JSON.parse(document.getElementById("student-card").textContent);
  says.textContent = "Loading the student…";
  const student = await Student.open(written, window.onnx);
  const { reading } = student;
  const wild = reading.wildType ? (await student.predict([reading.wildType.sequence]))[0] : null;
  describe(student);
  showCard(student);

  const answer = new Answer(student, wild);
  const put = (text) => { box.value = text; ask(); };
  const list = new List(student, answer, (name) => { put(name); box.focus(); });
  const map = new MapSection(student, answer, put);
  let asked = 0;

  async function ask() {
    const turn = ++asked;
    box.removeAttribute("aria-invalid");
    if (!box.value.trim()) {
      says.textContent = "";
      answer.rest();
      map.background(null);
      return;
    }
    try {
      const candidate = reading.candidate(box.value);
      const [predictions] = await student.predict([candidate.sequence]);
      if (turn !== asked) return; // something else was typed meanwhile
      says.textContent = "";
      answer.show(candidate, predictions);
      map.background(candidate);
    } catch (error) {
      if (!(error instanceof NotationError)) throw error;
      says.textContent = error.message;
      box.setAttribute("aria-invalid", "true");
      answer.clear();
    }
  }

  let timer;
  box.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 120); });
  box.addEventListener("paste", (event) => {
    const lines = event.clipboardData.getData("text").trim().split(/\r?\n/);
    if (lines.length > 1) { event.preventDefault(); list.add(lines); document.getElementById("list").scrollIntoView({ behavior: "smooth" }); }
  });
  const addOne = async () => {
    if (!box.value.trim()) return;
    await ask();
    if (!box.hasAttribute("aria-invalid")) await list.add([box.value]);
  };
  box.addEventListener("keydown", (event) => { if (event.key === "Enter") addOne(); });
  document.getElementById("add").addEventListener("click", addOne);
  const lines = document.getElementById("lines");
  document.getElementById("add-lines").addEventListener("click", async () => {
    const bad = await list.add(lines.value.split("\n"));
    lines.value = bad.join("\n"); // what could not be read stays, to be corrected
  });

  examples(reading, put);
  for (const id of ["box", "add", "add-lines"]) document.getElementById(id).disabled = false;
  says.textContent = "";
  const kept = new URLSearchParams(location.hash.slice(1)).get("list");
  if (kept) await list.add(kept.split("\n"), false);
  answer.rest();
  window.page = { student, list, map };
  document.body.dataset.state = "ready";
}

/** The words that depend on what is predicted. */
function describe({ card, reading }) {
  const noun = { variants: reading.parent ? "Variant" : "Sequence", compounds: "Compound (SMILES)", guides: "Guide" }[reading.kind];
  document.getElementById("box-label").textContent = noun;
  const teacher = card.teacher.length > 90 ? "a larger model" : card.teacher;
  document.getElementById("lead").textContent = `A small model of ${subject(reading)}, distilled from ${teacher}. It answers here, in this page.`;
  document.getElementById("lines-label").textContent = `One ${noun.toLowerCase().replace("smiles", "SMILES")} a line`;
}

function examples(reading, put) {
  const place = document.getElementById("hint");
  place.append("For example ");
  reading.examples().forEach((text, i) => {
    place.append(i ? " " : "", element("button", { type: "button", class: "chip small", onclick: () => put(text) }, shortened(text, 24)));
  });
  if (reading.parent && !reading.positions.length) place.append(" or a whole sequence");
}

start().catch((error) => {
  document.body.dataset.state = "failed";
  const says = document.getElementById("says");
  says.className = "note bad";
  says.textContent = error instanceof Altered ? error.message : `The student could not be started (${error.message}). Use a current Chrome, Edge, Firefox or Safari.`;
  console.error(error);
});
