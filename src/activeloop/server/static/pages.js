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
  if (now && now[1] !== old.dataset.event && !document.querySelector("main input:focus, main textarea:focus, [data-sent]")) {
    window.location.reload();
  }
});
document.addEventListener("htmx:afterSettle", (event) => event.detail.target.removeAttribute("aria-busy"));
