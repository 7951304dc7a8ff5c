// Where a sequence of another length differs from its parent: a global alignment with affine gap costs.
// Source: Gotoh 1982, doi:10.1016/0022-2836(82)90398-9. Same costs and same ties as `activeloop.candidates.align`.
"use strict";

const MISMATCH = 4, GAP_OPEN = 12, GAP_EXTEND = 1, FAR = 1e9;

/** The mutations [{position, old, new}] that turn the parent into the sequence. */
function align(parent, sequence) {
  if (parent.length === sequence.length) return readRows(parent, sequence, 0);
  const short = Math.min(parent.length, sequence.length);
  let head = 0, tail = 0;
  while (head < short && parent[head] === sequence[head]) head++;
  while (tail < short - head && parent.at(-1 - tail) === sequence.at(-1 - tail)) tail++;
  const old = parent.slice(head, parent.length - tail), now = sequence.slice(head, sequence.length - tail);
  return readRows(...(oneGap(old, now) ?? alignedRows(old, now)), head);
}

/** Reads two aligned rows, `-` for a gap; the first letter stands at position start + 1. */
function readRows(old, now, start) {
  const found = [];
  let position = start, inserted = "";
  for (let i = 0; i <= old.length; i++) {
    const a = old[i] ?? ".", b = now[i] ?? ".";
    if (a === "-") { inserted += b; continue; }
    if (inserted) { found.push({ position, old: "", new: inserted }); inserted = ""; }
    position++;
    if (a !== b) found.push({ position, old: a, new: b === "-" ? "" : b });
  }
  return found;
}

/** Both strings with one gap in the shorter, where that must be the cheapest alignment; null where it may not be. */
function oneGap(a, b) {
  if (a.length > b.length) return oneGap(b, a)?.reverse() ?? null;
  const n = a.length, gap = b.length - a.length;
  let mismatches = 0;
  for (let i = 0; i < n; i++) mismatches += a[i] !== b[i + gap];
  let fewest = mismatches, place = 0;
  for (let i = 0; i < n; i++) {
    mismatches += (a[i] !== b[i]) - (a[i] !== b[i + gap]);
    if (mismatches <= fewest) { fewest = mismatches; place = i + 1; } // the last of equally good places
  }
  return fewest * MISMATCH > GAP_OPEN ? null : [a.slice(0, place) + "-".repeat(gap) + a.slice(place), b];
}

function alignedRows(a, b) {
  const n = a.length, m = b.length, wide = m + 1;
  if (!n || !m) return [a + "-".repeat(m), "-".repeat(n) + b];
  const [best, down, right] = [0, 0, 0].map(() => new Int32Array((n + 1) * wide).fill(FAR));
  best[0] = 0;
  for (let j = 1; j <= m; j++) best[j] = right[j] = GAP_OPEN + j * GAP_EXTEND;
  for (let i = 1; i <= n; i++) {
    for (let j = 0; j <= m; j++) {
      const at = i * wide + j;
      down[at] = Math.min(down[at - wide], best[at - wide] + GAP_OPEN) + GAP_EXTEND;
      best[at] = down[at];
      if (!j) continue;
      best[at] = Math.min(best[at], best[at - wide - 1] + (a[i - 1] === b[j - 1] ? 0 : MISMATCH));
      right[at] = Math.min(right[at - 1], best[at - 1] + GAP_OPEN) + GAP_EXTEND;
      best[at] = Math.min(best[at], right[at]);
    }
  }
  return walkBack(a, b, best, down, right, wide);
}

/** From the far corner to the start, along the cheapest path; gaps first, so that they stand far to the right. */
function walkBack(a, b, best, down, right, wide) {
  let i = a.length, j = b.length, table = best, old = "", now = "";
  while (i || j) {
    const at = i * wide + j;
    if (table === best) {
      if (j && best[at] === right[at]) table = right;
      else if (i && best[at] === down[at]) table = down;
      else { i--; j--; old = a[i] + old; now = b[j] + now; }
    } else if (table === right) {
      table = j > 1 && right[at] === right[at - 1] + GAP_EXTEND ? right : best;
      j--; old = "-" + old; now = b[j] + now;
    } else {
      table = i > 1 && down[at] === down[at - wide] + GAP_EXTEND ? down : best;
      i--; old = a[i] + old; now = "-" + now;
    }
  }
  return [old, now];
}
