// Numbers as people read them.
"use strict";

/** How many decimals show a thirtieth of a spread. */
function decimalsFor(spread) {
  if (!(spread > 0)) return 3;
  return Math.min(8, Math.max(0, Math.ceil(-Math.log10(spread / 30))));
}

/** A number with a true minus sign; powers of ten where plain figures would be longer than the page. */
function figure(value, decimals, signed = false) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  let text = size >= 1e7 || (decimals >= 8 && size > 0) ? size.toExponential(2) : size.toFixed(decimals);
  if (Number(text) === 0) return text;
  if (!text.includes("e") && size >= 1e4) {
    const [whole, part] = text.split(".");
    text = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") + (part ? "." + part : "");
  }
  return (value < 0 ? "−" : signed ? "+" : "") + text;
}

function percent(share) {
  const text = 100 * share;
  return (text > 99 && text < 100 ? "> 99" : text < 1 && text > 0 ? "< 1" : Math.round(text)) + "\u202f%";
}

function counted(number, one, many = one + "s") {
  return `${number.toLocaleString("en").replaceAll(",", "\u202f")} ${number === 1 ? one : many}`;
}

function shortened(text, most = 42) {
  return text.length <= most ? text : text.slice(0, most - 3) + "...";
}

/** An element with attributes, listeners and children; text is never read as HTML. */
function element(name, attributes = {}, ...children) {
  const made = name.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", name.slice(4))
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}
