"use strict";
// Normalization, Delta and sigma as in theory/collapse.py, on the losses that the page carries, redrawn as sliders move.
// window.validation.state holds, for each panel by its name, what is shown: {offset, gamma, x, delta, sigma, reason}.

const STEPS = 1000;

/* ---- data ---- */

// Linear interpolation as numpy.interp does it; NaN outside.
function interpolate(at, t, y) {
  const last = t.length - 1;
  return at.map((v) => {
    if (!(v >= t[0] && v <= t[last])) return NaN;
    if (v === t[last]) return y[last];
    let low = 0, high = last;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (t[middle] <= v) low = middle; else high = middle;
    }
    return ((y[low + 1] - y[low]) / (t[low + 1] - t[low])) * (v - t[low]) + y[low];
  });
}

/* ---- definitions ---- */

// Root mean square over sizes of sd over seeds / (mean over seeds - offset); null where no size has two seeds.
function noiseFloor(L, sizeIndex, offset) {
  const groups = new Map();
  sizeIndex.forEach((s, i) => groups.set(s, [...(groups.get(s) || []), L[i]]));
  const several = [...groups.values()].filter((runs) => runs.length >= 2);
  if (!several.length) return null;
  return L[0].map((_, k) => {
    let squares = 0;
    for (const runs of several) {
      const mean = runs.reduce((sum, run) => sum + run[k], 0) / runs.length;
      const variance = runs.reduce((sum, run) => sum + (run[k] - mean) ** 2, 0) / (runs.length - 1);
      squares += variance / (mean - offset) ** 2;
    }
    return Math.sqrt(squares / several.length);
  });
}

// l(x, p) of a sum of power laws at horizons turned about the middle size.
function theoryCurves(panel, gamma) {
  return panel.sizes.map((p) => {
    const lnHorizon = panel.log_horizon - panel.gamma.value * panel.log_middle
      + panel.gamma.value * Math.log(p) + (gamma - panel.gamma.value) * (Math.log(p) - panel.log_middle);
    const ln = panel.a.map((a, k) => Math.log(a) - panel.mu[k] * lnHorizon - panel.nu[k] * Math.log(p));
    const top = Math.max(...ln);
    const weights = ln.map((v) => Math.exp(v - top));
    const total = weights.reduce((sum, v) => sum + v, 0);
    return panel.x.map((x) => weights.reduce((sum, w, k) => sum + w * x ** -panel.mu[k], 0) / total);
  });
}

// Losses on the grid: as carried, or cut anew at t* (p / p_ref)^(gamma - gamma_0).
function lossesAt(panel, gamma) {
  if (panel.losses) return panel.losses;
  return panel.runs.map((run, i) => {
    const lnP = Math.log(panel.sizes[panel.size_index[i]]);
    const turn = Math.exp((gamma - panel.gamma.value) * (lnP - panel.gamma.log_middle));
    const horizon = panel.horizons[i] * turn;
    return interpolate(panel.x.map((x) => x * horizon), panel.clocks[run.clock], run.loss);
  });
}

function compute(panel, offset, gamma) {
  const at = { offset, gamma, x: panel.x, delta: null, sigma: null, curves: null, reason: "" };
  if (panel.kind === "theory") {
    at.curves = theoryCurves(panel, gamma);
  } else {
    const L = lossesAt(panel, gamma);
    at.curves = normalize(L, offset);
    if (!at.curves) return { ...at, reason: "the offset is not below every final loss: nothing can be normalized" };
    at.sigma = noiseFloor(L, panel.size_index, offset);
  }
  at.delta = collapseDeviation(at.curves, panel.size_index);
  return at;
}

/* ---- drawing ---- */

function axes(canvas, yLow, yHigh, log, yLabel) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  const box = { left: 58, right: width - 12, top: 26, bottom: height - 36 };
  const scale = log ? Math.log10 : (v) => v;
  const low = scale(yLow), high = scale(yHigh);
  const X = (x) => box.left + x * (box.right - box.left);
  const Y = (y) => box.bottom - ((scale(y) - low) / (high - low)) * (box.bottom - box.top);
  g.font = "12px system-ui, sans-serif";
  g.lineWidth = 1;
  g.strokeStyle = ink("grid");
  g.fillStyle = ink("quiet");
  g.textAlign = "center";
  for (let k = 0; k <= 5; k++) {
    g.beginPath(); g.moveTo(X(k / 5), box.top); g.lineTo(X(k / 5), box.bottom); g.stroke();
    g.fillText((k / 5).toFixed(1), X(k / 5), box.bottom + 15);
  }
  g.fillText("normalized compute x", (box.left + box.right) / 2, height - 5);
  g.textAlign = "right";
  for (const v of log ? decades(yLow, yHigh) : evenTicks(yLow, yHigh)) {
    g.beginPath(); g.moveTo(box.left, Y(v)); g.lineTo(box.right, Y(v)); g.stroke();
    g.fillText(log && v < 9e-4 ? v.toExponential(0) : `${+v.toPrecision(6)}`, box.left - 6, Y(v) + 4);
  }
  g.textAlign = "left";
  g.fillStyle = ink("ink");
  g.fillText(yLabel, 4, 14);
  const line = (x, y, style, thick, dash) => {
    g.save();
    g.beginPath(); g.rect(box.left, box.top, box.right - box.left, box.bottom - box.top); g.clip();
    g.strokeStyle = style; g.lineWidth = thick; g.setLineDash(dash || []);
    g.beginPath();
    let pen = false;
    for (let i = 0; i < x.length; i++) {
      const ok = Number.isFinite(y[i]) && (!log || y[i] > 0);
      if (ok && pen) g.lineTo(X(x[i]), Y(y[i])); else if (ok) g.moveTo(X(x[i]), Y(y[i]));
      pen = ok;
    }
    g.stroke();
    g.restore();
  };
  return { g, line, box };
}

function largest(rows) {
  return rows.reduce((most, row) => row.reduce((m, v) => (Number.isFinite(v) && v > m ? v : m), most), -Infinity);
}

// Why a picture has no curve; no picture stays empty without a word.
function tell({ g, box }, text) {
  g.textAlign = "center";
  g.fillStyle = ink("fault");
  g.fillText(text, (box.left + box.right) / 2, (box.top + box.bottom) / 2, box.right - box.left - 8);
}

// Which sizes the legend names: all, or of many the first, the middle and the last.
function named(n) {
  return n <= 10 ? [...Array(n).keys()] : [0, Math.floor(n / 2), n - 1];
}

function drawCurves(canvas, panel, now) {
  const top = Math.max(largest(panel.start.curves), now.curves ? Math.min(largest(now.curves), 40) : 1);
  const drawn = axes(canvas, 1, 1 + (top - 1) * 1.05, false, "normalized loss l(x)"), { g, line, box } = drawn;
  const n = panel.sizes.length;
  if (now.curves) {
    now.curves.forEach((l, i) => line(panel.x, l, colour(n > 1 ? panel.size_index[i] / (n - 1) : 0), 1.1));
  } else {
    tell(drawn, now.reason);
  }
  g.textAlign = "right";
  g.fillStyle = ink("quiet");
  g.fillText("parameters", box.right - 6, box.top + 2);
  named(n).forEach((s, row) => {
    const y = box.top + 18 + 15 * row;
    g.strokeStyle = colour(n > 1 ? s / (n - 1) : 0); g.lineWidth = 3;
    g.beginPath(); g.moveTo(box.right - 26, y - 4); g.lineTo(box.right - 6, y - 4); g.stroke();
    g.fillStyle = ink("ink"); g.fillText(`${count(panel.sizes[s])}`, box.right - 32, y);
  });
}

const ZERO = 1e-12; // a spread below this is rounding: the collapse is exact

function drawDeviation(canvas, panel, now) {
  const seen = [panel.start.delta, now.delta, panel.start.sigma, now.sigma].filter(Boolean)
    .map((row) => Array.from(row).slice(0, -1).filter((v) => v > ZERO));
  const all = seen.flat();
  const high = 10 ** Math.ceil(Math.log10(Math.max(1e-3, ...all)));
  const low = 10 ** Math.floor(Math.log10(Math.min(high / 10, ...all)));
  const label = panel.start.sigma ? "Δ(x) solid, σ(x) dashed, thin: Δ at the start" : "Δ(x); thin: at the start";
  const drawn = axes(canvas, low, high, true, label), { line } = drawn;
  const beyondRounding = (row) => row.map((v) => (v > ZERO ? v : NaN));
  line(panel.x, beyondRounding(panel.start.delta), ink("start"), 1);
  if (now.sigma) line(panel.x, now.sigma, ink("sigma"), 1.8, [6, 4]);
  if (now.delta) line(panel.x, beyondRounding(now.delta), ink("delta"), 2);
  if (now.reason) tell(drawn, now.reason);
  else if (!(largest([now.delta]) > ZERO)) tell(drawn, "Δ = 0: the collapse is exact. Move γ to break it.");
}

/* ---- panels ---- */

function mean(values) {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

function words(panel, now) {
  if (now.reason) return now.reason;
  const inside = (row) => Array.from(row).slice(0, -1);
  const delta = inside(now.delta);
  const parts = [`mean Δ = ${mean(delta).toPrecision(4)}`];
  if (now.sigma) {
    const sigma = inside(now.sigma);
    const below = delta.filter((v, i) => v < sigma[i]).length / delta.length;
    parts.push(`mean σ = ${mean(sigma).toPrecision(4)}`, `Δ < σ on ${(100 * below).toFixed(1)} % of x`);
  } else if (panel.kind === "ladder") {
    parts.push("no σ: one seed a size");
  }
  const first = mean(inside(panel.start.delta));
  if (first > 1e-12) parts.push(`mean Δ is ${(mean(delta) / first).toPrecision(3)} times that at the start`);
  return parts.join(" · ");
}

function slider(panel, name, text, changed) {
  const about = panel[name], id = `${name}-${panel.number}`;
  const step = (about.high - about.low) / STEPS;
  // The start keeps its exact value: a slider's position alone would round it.
  const middle = Math.round((about.value - about.low) / step);
  const input = make("input", { type: "range", id, min: 0, max: STEPS, step: 1, value: middle });
  const shown = make("output", { for: id });
  const reset = make("button", { type: "button", "aria-label": `reset ${text} of ${panel.name}` }, "reset");
  const value = () => (Number(input.value) === middle ? about.value : about.low + step * Number(input.value));
  const update = () => {
    shown.textContent = `${value().toPrecision(6)} (start ${about.value.toPrecision(6)})`;
    changed();
  };
  input.addEventListener("input", update);
  reset.addEventListener("click", () => { input.value = middle; update(); });
  shown.textContent = `${value().toPrecision(6)}`;
  return { row: make("div", { class: "slider" }, make("label", { for: id }, text), input, shown, reset), value };
}

function build(panel, number) {
  panel.number = number;
  panel.x = Array.from(unpack(panel.x));
  if (panel.losses) {
    const flat = Array.from(unpack(panel.losses)), n = panel.x.length;
    panel.losses = panel.size_index.map((_, i) => flat.slice(i * n, (i + 1) * n));
  }
  if (panel.runs) {
    panel.clocks = panel.clocks.map(unpack);
    panel.runs.forEach((run) => { run.loss = unpack(run.loss); });
  }
  panel.start = compute(panel, panel.offset && panel.offset.value, panel.gamma && panel.gamma.value);
  const curves = make("canvas", { role: "img", "aria-label": `normalized curves of ${panel.name}` });
  const deviation = make("canvas", { role: "img", "aria-label": `Delta and sigma of ${panel.name}` });
  const live = make("p", { class: "live", "aria-live": "polite" });
  const sliders = {};
  const box = make("details", { class: "panel", id: `panel-${number}` },
    make("summary", {}, make("h3", {}, panel.name), make("span", { class: "about" }, panel.about)));
  const draw = () => {
    if (!box.open) return; // what is folded has no size to draw in
    const now = window.validation.state[panel.name];
    drawCurves(curves, panel, now);
    drawDeviation(deviation, panel, now);
  };
  const update = () => {
    const now = compute(panel, sliders.offset ? sliders.offset.value() : null, sliders.gamma ? sliders.gamma.value() : null);
    window.validation.state[panel.name] = now;
    live.textContent = words(panel, now);
    draw();
  };
  if (panel.offset) box.append((sliders.offset = slider(panel, "offset", "offset L̂", update)).row);
  if (panel.gamma) box.append((sliders.gamma = slider(panel, "gamma", "exponent γ", update)).row);
  box.append(make("div", { class: "plots" }, curves, deviation), live);
  document.getElementById("panels").append(box);
  box.addEventListener("toggle", draw);
  update();
  return draw;
}

/* ---- folding ---- */

// A link unfolds what it leads to.
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!(target instanceof HTMLDetailsElement)) return;
  target.open = true;
  target.scrollIntoView();
  target.querySelector("summary").focus({ preventScroll: true });
}

// Contents and notes are seen where there is room, and folded where rows are cards.
const WIDE = window.matchMedia("(min-width: 821px)");

function foldWhereNarrow() {
  document.querySelectorAll("details.fold").forEach((part) => { part.open = WIDE.matches; });
}

window.validation = { state: {} };
const panels = JSON.parse(document.getElementById("data").textContent);
const redraw = panels.map(build);
const redrawAll = () => redraw.forEach((draw) => draw());
window.addEventListener("resize", redrawAll);
DARK.addEventListener("change", redrawAll);
WIDE.addEventListener("change", foldWhereNarrow);
window.addEventListener("hashchange", unfold);
document.querySelectorAll("nav a, a.verdict").forEach((link) => link.addEventListener("click", () => setTimeout(unfold)));
foldWhereNarrow();
unfold();
