// Colours of the map, from the style sheet, so that light and dark each have their own.
"use strict";

class Colours {
  constructor() {
    const style = getComputedStyle(document.documentElement);
    const list = (name) => style.getPropertyValue(name).trim().split(/\s+/).map(channels);
    Object.assign(this, { worse: list("--worse"), better: list("--better"), spread: list("--spread") });
    for (const name of ["ink", "muted", "line", "surface", "empty", "focus"]) this[name] = style.getPropertyValue(`--${name}`).trim();
  }

  /** share: from -1 (worse) over 0 to 1 (better). */
  change(share) {
    return between(share < 0 ? this.worse : this.better, Math.abs(share));
  }

  uncertainty(share) {
    return between(this.spread, share);
  }
}

function channels(hex) {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

function between(stops, share) {
  const at = Math.min(1, Math.max(0, share)) * (stops.length - 1), first = Math.min(stops.length - 2, Math.floor(at));
  const mixed = stops[first].map((x, i) => Math.round(x + (at - first) * (stops[first + 1][i] - x)));
  return `rgb(${mixed.join(" ")})`;
}
