"use strict";
// What every page uses: data, normalization and Delta as in theory/collapse.py, colours, ticks.

function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float64Array.from({ length: bytes.length / 8 }, (_, i) => view.getFloat64(8 * i, true));
}

// l = (L - offset) / (L(1) - offset); null unless every final loss lies above the offset.
function normalize(L, offset) {
  const end = L[0].length - 1;
  if (!L.every((run) => run[end] - offset > 0)) return null;
  return L.map((run) => run.map((v) => (v - offset) / (run[end] - offset)));
}

// sd over sizes and seeds over their mean, every size weighing the same, ddof = 1.
function collapseDeviation(l, sizeIndex) {
  const counts = new Map();
  sizeIndex.forEach((s) => counts.set(s, (counts.get(s) || 0) + 1));
  const w = sizeIndex.map((s) => 1 / (counts.size * counts.get(s)));
  const freedom = 1 - w.reduce((sum, v) => sum + v * v, 0);
  return l[0].map((_, k) => {
    let mean = 0, variance = 0;
    for (let i = 0; i < l.length; i++) mean += w[i] * l[i][k];
    for (let i = 0; i < l.length; i++) variance += w[i] * (l[i][k] - mean) ** 2;
    return Math.sqrt(variance / freedom) / mean;
  });
}

// Five colours from dark to light that stay in order in gray; on a dark page the darkest still stands out from it.
const RAMPS = {
  light: [[68, 1, 84], [59, 82, 139], [33, 145, 140], [74, 183, 95], [180, 200, 40]],
  dark: [[138, 96, 190], [112, 140, 214], [72, 180, 190], [122, 214, 132], [240, 240, 130]],
};
const DARK = window.matchMedia("(prefers-color-scheme: dark)");

// The page's own colours, by the names that its style gives them.
function ink(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function colour(share) {
  const ramp = RAMPS[DARK.matches ? "dark" : "light"];
  const at = share * (ramp.length - 1), k = Math.min(Math.floor(at), ramp.length - 2);
  return `rgb(${ramp[k].map((v, i) => Math.round(v + (at - k) * (ramp[k + 1][i] - v))).join(",")})`;
}

function count(p) {
  for (const [unit, name] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]]) {
    if (p >= unit) return `${+(p / unit).toPrecision(3)}${name}`;
  }
  return `${+p.toPrecision(3)}`;
}

function decades(low, high) {
  const found = [];
  for (let e = Math.ceil(Math.log10(low) - 1e-9); e <= Math.log10(high) + 1e-9; e++) found.push(10 ** e);
  return found;
}

function evenTicks(low, high) {
  const raw = (high - low) / 5, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(+(k * step).toPrecision(12));
  return found;
}

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
