// Small things that need a script; every page works without them.
"use strict";

// A form that was sent is not sent twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "yes";
  const button = event.submitter || form.querySelector("button");
  if (button) { button.setAttribute("aria-busy", "true"); button.classList.add("busy"); }
});
window.addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((form) => {
  delete form.dataset.sent;
  form.querySelectorAll("[aria-busy]").forEach((b) => { b.removeAttribute("aria-busy"); b.classList.remove("busy"); });
}));

// When the loop has moved on, what stands below the strip is old: read the page again, unless somebody is typing.
document.addEventListener("htmx:beforeSwap", (event) => {
  const old = event.detail.target;
  if (old.id !== "strip") return;
  const now = /data-event="(\d+)"/.exec(event.detail.serverResponse || "");
  const busy = "main input:focus, main textarea:focus, main select:focus, [data-sent]";
  if (now && now[1] !== old.dataset.event && !document.querySelector(busy)) window.location.reload();
});

// The server says when something happened (server-sent events); without that the strip is read from time to time.
const live = document.querySelector("[data-live]");
if (live && window.EventSource) {
  const source = new EventSource(live.dataset.live);
  live.dataset.kinds.split(" ").forEach((kind) => source.addEventListener(kind, () => {
    const strip = document.getElementById("strip");
    if (strip) window.htmx.trigger(strip, "live");
  }));
  window.addEventListener("pagehide", () => source.close());
}
document.addEventListener("htmx:afterSettle", (event) => event.detail.target.removeAttribute("aria-busy"));

// Wells are swapped by dragging one onto another, or by tapping two.
const wellOf = (element) => {
  const group = element && element.closest("[data-swap] svg g");
  const title = group && group.querySelector(":scope > title");
  const found = title && /^([A-Z]+\d+): /.exec(title.textContent);
  return found ? { group, name: found[1] } : null;
};
document.querySelectorAll("[data-swap]").forEach((figure) => {
  const form = document.getElementById(figure.dataset.swap);
  let first = null;
  const choose = (well) => {
    figure.querySelectorAll(".chosen").forEach((g) => g.classList.remove("chosen"));
    first = well;
    if (well) { well.group.classList.add("chosen"); form.elements.one.value = well.name; form.elements.other.value = ""; }
  };
  figure.classList.add("ready");
  figure.addEventListener("pointerdown", (event) => {
    const well = wellOf(event.target);
    if (!well) return;
    event.preventDefault();
    if (first && first.name !== well.name) return;  // the second tap ends it, below
    choose(well);
  });
  figure.addEventListener("pointerup", (event) => {
    const well = wellOf(document.elementFromPoint(event.clientX, event.clientY));
    if (!first || !well || well.name === first.name) return;
    well.group.classList.add("chosen");
    form.elements.other.value = well.name;
    form.requestSubmit();
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") choose(null); });
});

// Residues of a sequence are chosen by clicking them; the field beside it holds the positions.
const ranges = (positions) => {
  const parts = [];
  positions.forEach((p, i) => {
    if (i && positions[i - 1] === p - 1) parts[parts.length - 1][1] = p; else parts.push([p, p]);
  });
  return parts.map(([a, b]) => (a === b ? `${a}` : `${a}-${b}`)).join(", ");
};
document.querySelectorAll("[data-choose]").forEach((view) => {
  const field = document.getElementById(view.dataset.choose);
  if (!field || !field.offsetParent) return;
  view.classList.add("choosing");
  let start = null;
  view.addEventListener("click", (event) => {
    const residue = event.target.closest("[data-position]");
    if (!residue) return;
    const all = [...view.querySelectorAll("[data-position]")];
    const at = all.indexOf(residue);
    const on = !residue.classList.contains("on");
    const from = event.shiftKey && start !== null ? Math.min(start, at) : at;
    all.slice(from, Math.max(at, event.shiftKey && start !== null ? start : at) + 1).forEach((r) => r.classList.toggle("on", on));
    start = at;
    field.value = ranges(all.filter((r) => r.classList.contains("on")).map((r) => Number(r.dataset.position)));
  });
});

// A file may be dropped anywhere on its form.
document.querySelectorAll("[data-drop]").forEach((form) => {
  const field = form.querySelector("input[type=file]");
  ["dragenter", "dragover"].forEach((name) => form.addEventListener(name, (event) => {
    event.preventDefault();
    form.classList.add("over");
  }));
  ["dragleave", "drop"].forEach((name) => form.addEventListener(name, () => form.classList.remove("over")));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer.files.length) return;
    field.files = event.dataTransfer.files;
    form.requestSubmit(form.querySelector("button.main"));
  });
});
