// The page of one ladder: at every offset of the slider its curves are normalized anew, and Delta, the noise floor and the
// deviation between sizes are what Python's collapse_at_offset and scale_deviation say there.
// window.report.state is what is shown: {offset, x, curves, delta, floor, sigma, deviation, fraction, reason}.

/* ---- numbers ---- */

const data = JSON.parse(document.getElementById("data").textContent);
const STEPS = 1000;
const x = Array.from(unpack(data.x));
const losses = ((flat) => data.runs.map((_, i) => Array.from(flat.slice(i * x.length, (i + 1) * x.length))))(unpack(data.losses));
const kept = data.runs.map((run, i) => i).filter((i) => !data.runs[i].suspect);
const groups = [...new Set(kept.map((i) => data.runs[i].size))].map((s) => kept.filter((i) => data.runs[i].size === s));
const several = groups.filter((group) => group.length > 1);

const sum = (values) => values.reduce((total, v) => total + v, 0);
const mean = (values) => sum(values) / values.length;
const range = (n) => [...Array(n).keys()];

function median(values) {
  const sorted = [...values].sort((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

// Sum of squares about the mean.
function squares(values) {
  const middle = mean(values);
  return sum(values.map((v) => (v - middle) ** 2));
}

// Variance over seeds of L / (mean L - offset), for each size with several seeds.
function relativeVariances(offset, k) {
  return several.map((group) => {
    const L = group.map((i) => losses[i][k]);
    return squares(L) / (L.length - 1) / (mean(L) - offset) ** 2;
  });
}

// The usual variance of a run: the median over sizes, without the bias that the median of few has; pooled for two sizes.
function usual(variances) {
  const freedom = several.map((group) => group.length - 1);
  if (variances.length > 2) return median(variances.map((v, s) => v / data.chance[freedom[s]][0]));
  return sum(variances.map((v, s) => v * freedom[s])) / sum(freedom);
}

// Seed noise of one normalized curve, summed over x; one sick size must not set it. Without seeds: from its roughness.
function noiseTotal(curves, average) {
  if (!several.length) {
    const rough = kept.map((i) => {
      const ln = curves[i].map((v) => Math.log(Math.max(v, 1e-300)));
      return mean(range(ln.length - 2).map((k) => (ln[k + 2] - 2 * ln[k + 1] + ln[k]) ** 2)) / 6;
    });
    return 2 * median(rough) * sum(average.map((v) => v * v));
  }
  const freedom = several.map((group) => group.length - 1);
  const power = several.map((group) => sum(x.map((_, k) => squares(group.map((i) => curves[i][k])))));
  const middle = median(power.map((e, s) => e / freedom[s]));
  return sum(power.map((e, s) => Math.min(e, data.chance[freedom[s]][1] * middle * freedom[s]))) / sum(freedom);
}

// How much sizes differ beyond noise, as a share of the curve's fall.
function deviation(curves) {
  const means = groups.map((group) => x.map((_, k) => mean(group.map((i) => curves[i][k]))));
  const average = x.map((_, k) => mean(means.map((m) => m[k])));
  const fall = sum(average.map((v) => (v - 1) ** 2));
  const seen = sum(x.map((_, k) => squares(means.map((m) => m[k])))) / (groups.length - 1);
  const expected = noiseTotal(curves, average) * mean(groups.map((group) => 1 / group.length));
  return Math.sqrt(Math.max(seen - expected, 0) / Math.max(fall, 1e-300));
}

function compute(offset) {
  const none = { offset, x, curves: null, average: null, delta: null, floor: null, sigma: null, deviation: null, fraction: null };
  if (offset === null) return { ...none, reason: "No offset in use: nothing is normalized. Move the slider to try one." };
  if (!kept.every((i) => losses[i][x.length - 1] > offset)) return { ...none, reason: "The offset is not below every final loss." };
  const curves = losses.map((L) => (normalize([L], offset) || [L.map(() => NaN)])[0]);
  const delta = collapseDeviation(kept.map((i) => curves[i]), kept.map((i) => data.runs[i].size));
  const variances = several.length ? x.map((_, k) => relativeVariances(offset, k)) : null;
  const floor = variances && variances.map((v) => Math.sqrt(usual(v)));
  const sigma = variances && variances.map((v) => Math.sqrt(mean(v)));
  const inside = range(x.length - 1);
  return {
    ...none, curves, delta, floor, sigma, deviation: deviation(curves), reason: "",
    average: x.map((_, k) => mean(groups.map((group) => mean(group.map((i) => curves[i][k]))))),
    fraction: floor && inside.filter((k) => delta[k] < floor[k]).length / inside.length,
  };
}

/* ---- charts ---- */

const NAMES = "http://www.w3.org/2000/svg";
const percent = (v) => `${+(100 * v).toPrecision(v < 0.1 ? 2 : 3)} %`;
const short = (v) => (v !== 0 && Math.abs(v) < 1e-3 ? v.toExponential(0) : `${+v.toPrecision(6)}`);
const colourOf = (size) => colour(data.sizes.length > 1 ? size / (data.sizes.length - 1) : 0);

function svg(tag, attributes, text) {
  const node = document.createElementNS(NAMES, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

function ticksOf([low, high], log) {
  if (!log || high / low < 8) return evenTicks(low, high);
  const steps = high / low < 300 ? [1, 2, 5] : [1];
  return decades(low / 10, high).flatMap((d) => steps.map((s) => s * d)).filter((v) => v >= low * 0.999 && v <= high * 1.001);
}

// The range of values with room about them; positive ones alone where the axis is logarithmic.
function span(values, log, room = 0.06) {
  const good = values.filter((v) => Number.isFinite(v) && (!log || v > 0));
  if (!good.length) return log ? [0.1, 1] : [0, 1];
  const to = log ? Math.log : (v) => v, back = log ? Math.exp : (v) => v;
  const low = to(good.reduce((a, b) => Math.min(a, b))), high = to(good.reduce((a, b) => Math.max(a, b)));
  const about = high > low ? room * (high - low) : 0.1 * Math.abs(high || 1);
  return [back(low - about), back(high + about)];
}

// A picture of series {points: [[x, y, words, error]], line, dots, colour, dash, width, quiet}, bands {x, low, high},
// rules at heights, and a note in the middle. Points of series that are not quiet are named on hover, tap and arrow keys.
function draw(id, { label, xs, ys, xLabel, yLabel, xLog, yLog, xTick = short, yTick = short, series, bands = [], rules = [], note }) {
  const box = document.getElementById(id), width = box.clientWidth, height = box.clientHeight;
  const left = 56, right = width - 10, top = 22, bottom = height - 40;
  const scale = ([low, high], log, from, to) => {
    const f = log ? Math.log : (v) => v;
    return (v) => from + ((f(v) - f(low)) / (f(high) - f(low))) * (to - from);
  };
  const X = scale(xs, xLog, left, right), Y = scale(ys, yLog, bottom, top);
  const root = svg("svg", { tabindex: 0, role: "img", "aria-label": `${label}. Arrow keys read its points.` });
  const clip = svg("clipPath", { id: `${id}-clip` });
  clip.append(svg("rect", { x: left, y: top - 4, width: Math.max(right - left + 4, 1), height: bottom - top + 8 }));
  root.append(clip);
  const step = Math.ceil((ticksOf(xs, xLog).length * 46) / Math.max(right - left, 1));
  ticksOf(xs, xLog).forEach((v, i) => {
    root.append(svg("line", { class: "grid", x1: X(v), x2: X(v), y1: top, y2: bottom }));
    if (i % step === 0) root.append(svg("text", { x: X(v), y: bottom + 16, "text-anchor": X(v) > right - 16 ? "end" : "middle" }, xTick(v)));
  });
  ticksOf(ys, yLog).forEach((v) => {
    root.append(svg("line", { class: "grid", x1: left, x2: right, y1: Y(v), y2: Y(v) }));
    root.append(svg("text", { x: left - 6, y: Y(v) + 4, "text-anchor": "end" }, yTick(v)));
  });
  root.append(svg("text", { x: (left + right) / 2, y: height - 6, "text-anchor": "middle", class: "label" }, xLabel));
  root.append(svg("text", { x: 0, y: 12, class: "label" }, yLabel));
  const area = svg("g", { "clip-path": `url(#${id}-clip)` });
  root.append(area);
  const ok = (p) => Number.isFinite(p[0]) && Number.isFinite(p[1]) && (!yLog || p[1] > 0) && (!xLog || p[0] > 0);
  const path = (points) => points.map((p, i) => (ok(p) ? `${i && ok(points[i - 1]) ? "L" : "M"}${X(p[0]).toFixed(2)} ${Y(p[1]).toFixed(2)}` : "")).join("");
  for (const band of bands) {
    const there = range(band.x.length).filter((k) => ok([band.x[k], band.low[k]]) && ok([band.x[k], band.high[k]]));
    if (!there.length) continue;
    const around = [...there.map((k) => [band.x[k], band.high[k]]), ...there.reverse().map((k) => [band.x[k], band.low[k]])];
    area.append(svg("path", { d: `${path(around)}Z`, style: `fill:${band.colour};fill-opacity:0.22` }));
  }
  for (const v of rules) area.append(svg("line", { class: "rule", x1: left, x2: right, y1: Y(v), y2: Y(v) }));
  const targets = [];
  for (const one of series) {
    const curve = one.line ? path(one.points) : "";
    if (one.line) area.append(svg("path", { d: curve, stroke: one.colour, "stroke-width": one.width || 1.6, "stroke-dasharray": one.dash || "none" }));
    for (const p of one.dots ? one.points.filter(ok) : []) {
      if (p[3] > 0) area.append(svg("line", { x1: X(p[0]), x2: X(p[0]), y1: Y(p[1] - p[3]), y2: Y(p[1] + p[3]), stroke: one.colour, "stroke-width": 1.6 }));
      const fill = one.hollow === "none" ? "none" : one.hollow ? "var(--paper)" : one.colour;
      area.append(svg("circle", { cx: X(p[0]), cy: Y(p[1]), r: one.dots, stroke: one.colour, style: `fill:${fill}` }));
    }
    if (!one.quiet) targets.push(one.points.filter((p) => ok(p) && p[1] >= ys[0] && p[1] <= ys[1]).map((p) => ({ px: X(p[0]), py: Y(p[1]), words: p[2], curve })));
  }
  if (note) root.append(svg("text", { class: "note", x: (left + right) / 2, y: (top + bottom) / 2 }, note));
  const had = document.activeElement && document.activeElement.parentNode === box;
  box.replaceChildren(root);
  readable(root, area, targets.filter((points) => points.length));
  if (had) root.focus();
}

const tip = document.getElementById("tip");

// Names the nearest point under the pointer; with arrow keys goes along a curve, and from curve to curve.
function readable(root, area, targets) {
  const ring = svg("circle", { class: "hit", r: 5, visibility: "hidden" });
  const curve = svg("path", { stroke: "var(--ink)", "stroke-width": 2.4, visibility: "hidden" });
  area.append(curve, ring);
  let at = null;
  const show = (where) => {
    at = where;
    const point = targets[at[0]][at[1]], [name, ...rest] = point.words();
    ring.setAttribute("cx", point.px);
    ring.setAttribute("cy", point.py);
    curve.setAttribute("d", point.curve);
    for (const mark of [ring, curve]) mark.setAttribute("visibility", "visible");
    tip.replaceChildren(make("div", { class: "name" }, name), rest.join("\n"));
    tip.hidden = false;
    const frame = root.getBoundingClientRect(), px = frame.left + point.px, py = frame.top + point.py;
    tip.style.left = `${Math.max(4, Math.min(px + 12, window.innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${py + 14 + tip.offsetHeight > window.innerHeight ? py - tip.offsetHeight - 12 : py + 14}px`;
  };
  const hide = () => {
    tip.hidden = true;
    for (const mark of [ring, curve]) mark.setAttribute("visibility", "hidden");
  };
  const nearest = (px, py, only) => {
    let best = Infinity, found = null;
    (only === undefined ? range(targets.length) : [only]).forEach((s) => targets[s].forEach((p, i) => {
      const distance = (p.px - px) ** 2 + (p.py - py) ** 2;
      if (distance < best) { best = distance; found = [s, i]; }
    }));
    return [found, best];
  };
  const point = (event) => {
    const frame = root.getBoundingClientRect();
    const [found, distance] = nearest(event.clientX - frame.left, event.clientY - frame.top);
    if (found && distance < 40 ** 2) show(found); else hide();
  };
  root.addEventListener("pointermove", point);
  root.addEventListener("pointerdown", point);
  root.addEventListener("pointerleave", hide);
  root.addEventListener("blur", hide);
  root.addEventListener("keydown", (event) => {
    const [along, across] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] || [0, 0];
    if (event.key === "Escape") hide();
    if (!targets.length || (!along && !across)) return;
    event.preventDefault();
    if (at === null) return show([0, 0]);
    const s = (at[0] + across + targets.length) % targets.length, here = targets[at[0]][at[1]];
    show(across ? nearest(here.px, here.py, s)[0] : [s, Math.max(0, Math.min(targets[s].length - 1, at[1] + along))]);
  });
}

function legend(id, entries) {
  document.getElementById(id).replaceChildren(...entries.map(([text, style, kind]) => {
    const sign = svg("svg", { viewBox: "0 0 24 10" });
    if (kind === "dot") sign.append(svg("circle", { cx: 12, cy: 5, r: 4, style: `fill:${style.colour}` }));
    else if (kind === "ring") sign.append(svg("circle", { cx: 12, cy: 5, r: 4, stroke: style.colour, style: "fill:none" }));
    else if (kind === "band") sign.append(svg("rect", { width: 24, height: 10, style: `fill:${style.colour};fill-opacity:0.25` }));
    else sign.append(svg("line", { x1: 0, x2: 24, y1: 5, y2: 5, stroke: style.colour, "stroke-width": style.width || 2.5, "stroke-dasharray": style.dash || "none" }));
    return make("span", {}, sign, text);
  }));
}

// "run, size, seed", for every name that a point has.
function about(run) {
  const seed = run.seed === null ? "" : `, seed ${run.seed}`;
  const fault = { seed: ", set aside: it left the others", endpoint: ", set aside: its last point is off" }[run.suspect] || "";
  return [run.name, `${data.sizes[run.size]} parameters${seed}${fault}`];
}

/* ---- what is shown ---- */

function drawCurves(now) {
  const relative = document.getElementById("relative").checked;
  const shown = (i, k) => (relative ? now.curves[i][k] / now.average[k] - 1 : now.curves[i][k]);
  const series = !now.curves ? [] : data.runs.map((run, i) => ({
    line: true, colour: colourOf(run.size), width: run.suspect ? 1.8 : 1.2, dash: run.suspect ? "5 3" : "",
    points: x.map((v, k) => [v, shown(i, k), () => [...about(run), `x = ${v.toFixed(3)}`, `normalized loss ${now.curves[i][k].toPrecision(5)}`,
      `${(100 * (now.curves[i][k] / now.average[k] - 1)).toFixed(2)} % off the sizes' mean`]]),
  }));
  const values = (aside) => series.filter((_, i) => Boolean(data.runs[i].suspect) === aside).flatMap((one) => one.points.map((p) => p[1]));
  let [low, high] = relative || !now.curves ? span(values(false)) : [1, span(values(false))[1]];
  // A run that was set aside may be anywhere: it gets some room.
  const fall = high - low, aside = values(true).filter(Number.isFinite);
  if (aside.length) [low, high] = [Math.min(low, Math.max(Math.min(...aside), low - fall)), Math.max(high, Math.min(Math.max(...aside), high + fall))];
  draw("curves", {
    label: "Normalized curves of all runs", xs: [0, 1], ys: [low - 0.03 * (high - low), high],
    xLabel: "share of training, x", yLabel: relative ? "normalized loss, distance from the mean" : "normalized loss, 1 at the end",
    yTick: relative ? percent : short, series, rules: relative ? [0] : [], note: now.reason,
  });
}

function drawDelta(now) {
  const inside = (values) => (values || []).slice(0, -1);
  const named = (name, values) => (v, k) => [v, values[k], () => [name, `x = ${v.toFixed(3)}`, percent(values[k])]];
  const series = [];
  const add = (name, values, style) => { if (values) series.push({ line: true, ...style, points: inside(x).map(named(name, values)) }); };
  add("Sizes and seeds together, at the offset in use", start.delta, { colour: ink("start"), width: 1, quiet: true });
  add("Published noise floor", now.sigma, { colour: ink("sigma"), width: 1, dash: "1 3" });
  add("Noise floor: seeds of one size, median", now.floor, { colour: ink("sigma"), dash: "6 4", width: 2 });
  add("Sizes and seeds together", now.delta, { colour: ink("delta"), width: 2.2 });
  const low = Array.from(unpack(data.low)), high = Array.from(unpack(data.high));
  const band = Number.isFinite(low[0]);
  draw("delta", {
    label: "Scatter of all runs and of seeds along training", xs: [0, 1], xLabel: "share of training, x", yLabel: "relative scatter of the normalized loss", yLog: true,
    ys: span([...inside(now.delta), ...inside(now.floor), ...inside(now.sigma), ...inside(start.delta)], true), yTick: percent, series,
    bands: band ? [{ x: inside(x), low: inside(low), high: inside(high), colour: ink("delta") }] : [], note: now.reason,
  });
  legend("delta-legend", [
    ["sizes and seeds together (Δ)", { colour: ink("delta") }],
    ...(several.length ? [["seeds of one size, median of the sizes (floor)", { colour: ink("sigma"), dash: "6 4" }],
      ["root mean square (published σ)", { colour: ink("sigma"), dash: "1 3", width: 1.5 }]] : []),
    ...(band ? [["Δ over the offset's interval", { colour: ink("delta") }, "band"]] : []),
    ...(now.offset !== start.offset ? [["Δ at the offset in use", { colour: ink("start"), width: 1.5 }]] : []),
  ]);
}

function drawLaw() {
  const { C, L, at, loss, known, L0 } = data.law, clock = data.clock === "steps" ? "relative" : "PFLOP";
  const ends = data.runs.map((run, i) => [run.compute, losses[i][x.length - 1], () => [...about(run), `final loss ${losses[i][x.length - 1].toPrecision(6)}`, `compute ${run.compute.toPrecision(3)} ${clock}`]]);
  const line = known ? at.map((c, k) => [c, loss[k]]) : [];
  const log = L.every((v) => v > 0);
  draw("law", {
    label: "Final loss against compute", xs: span([...C, ...at], true, 0), ys: span([...L, ...line.map((p) => p[1]), ...ends.filter((_, i) => !data.runs[i].suspect).map((p) => p[1])], log),
    xLabel: `training compute (${clock})`, yLabel: "final loss", xLog: true, yLog: log, xTick: (v) => (v >= 1e4 || v <= 1e-3 ? v.toExponential(0) : short(v)),
    series: [
      { line: true, quiet: true, points: line, colour: ink("start"), width: 1.6 },
      ...data.runs.map((run, i) => ({ dots: 3, points: [ends[i]], colour: colourOf(run.size), hollow: run.suspect })),
      { dots: 6, hollow: "none", colour: ink("ink"), points: C.map((c, s) => [c, L[s], () => ["Mean of a size", `final loss ${L[s].toPrecision(6)}`, `compute ${c.toPrecision(3)} ${clock}`]]) },
    ],
  });
  legend("law-legend", [["a run", { colour: colourOf(0) }, "dot"], ["mean of a size", { colour: ink("ink") }, "ring"],
    ...(known ? [[`fitted law, falling to ${short(+L0.toPrecision(5))}`, { colour: ink("start"), width: 1.6 }]] : [])]);
  if (!known) document.getElementById("law-legend").append("no law could be fitted");
}

function drawTrend() {
  const found = data.trend;
  const nothing = { xs: [0, 1], ys: [0, 1], series: [], note: "Nothing is normalized." };
  const shared = { label: "Slope of the normalized loss on size, along training", xLabel: "share of training, x", yLabel: "slope of ln l on ln parameters" };
  if (!found) { draw("trend", { ...shared, ...nothing }); drawSteepness(null); return; }
  const slope = Array.from(unpack(found.slope)), error = Array.from(unpack(found.error));
  const low = slope.map((v, k) => v - error[k]), high = slope.map((v, k) => v + error[k]);
  draw("trend", {
    ...shared, xs: [0, 1], ys: span([...low, ...high, 0], false), rules: [0], bands: [{ x, low, high, colour: ink("delta") }],
    series: [{ line: true, width: 2, colour: ink("delta"), points: x.map((v, k) => [v, slope[k], () => ["Slope of ln l on ln parameters", `x = ${v.toFixed(3)}`, `${slope[k].toFixed(4)} ± ${error[k].toFixed(4)}`]]) }],
  });
  legend("trend-legend", [["slope: 0 where sizes agree", { colour: ink("delta") }], ["standard error", { colour: ink("delta") }, "band"]]);
  drawSteepness(found);
}

function drawSteepness(found) {
  const shared = { label: "Steepness of each size's curve", xLabel: "parameters", yLabel: "ln S: steeper than the mean above 0", xLog: true, xTick: count };
  if (!found) { draw("steepness", { ...shared, xs: [1, 10], ys: [0, 1], series: [], note: "Nothing is normalized." }); return; }
  const { p, steepness, steepness_error: error, line } = found, ends = steepness.flatMap((v, s) => [v - (error[s] || 0), v + (error[s] || 0)]);
  const sizes = groups.map((group) => data.runs[group[0]].size);
  draw("steepness", {
    ...shared, xs: span(p, true, 0.08), ys: span([...ends, 0], false, 0.12), rules: [0],
    series: [
      { line: true, quiet: true, colour: ink("start"), points: p.map((v, s) => [v, line[s]]) },
      ...p.map((v, s) => ({ dots: 4.5, colour: colourOf(sizes[s]), points: [[v, steepness[s], () => [`${data.sizes[sizes[s]]} parameters`, `ln S = ${steepness[s].toFixed(4)}${error[s] === null ? "" : ` ± ${error[s].toFixed(4)}`}`], error[s]]] })),
    ],
  });
  legend("steepness-legend", [["a size, with its standard error", { colour: colourOf(0) }, "dot"], ["line through them: flat where sizes agree", { colour: ink("start") }]]);
}

// Where sizes differ too much, what remains without one is set off if it is less than this share.
const CULPRIT = 0.7;

// Bars with their values beside them; `marks` are [value, class] of lines across.
function bars(title, rows, marks) {
  const most = Math.max(...rows.map((row) => row.value), ...marks.map(([v]) => v)) || 1;
  const [all, tolerated] = marks.map(([v]) => v), least = Math.min(...rows.map((row) => row.value));
  const grid = make("div", { class: "bars", role: "list" });
  rows.forEach((row) => {
    const bar = make("div", { class: "bar" });
    const fill = make("i");
    fill.style.width = `${(100 * row.value) / most}%`;
    fill.style.background = colourOf(row.index);
    bar.append(fill, ...marks.map(([v, kind]) => {
      const mark = make("u", { class: kind });
      mark.style.left = `${(100 * v) / most}%`;
      return mark;
    }));
    grid.append(make("div", {}, row.size), bar, make("div", { class: row.marked && row.value === least && all > tolerated && least < CULPRIT * all ? "least" : "" }, percent(row.value)));
  });
  return [make("p", {}, title), grid];
}

function drawBars() {
  const { value, tolerance } = data.deviation, box = document.getElementById("bars");
  const without = data.bars.filter((row) => row.without !== null).map((row) => ({ ...row, value: row.without, marked: true }));
  const seeds = data.bars.filter((row) => row.sigma !== null).map((row) => ({ ...row, value: row.sigma }));
  const parts = [];
  if (without.length) {
    const words = `What the others differ by, without this size (line: with all, ${percent(value)}; dotted: tolerated, ${percent(tolerance)})`;
    parts.push(...bars(words, without, [[value, "all"], [tolerance, "tolerated"]]));
  } else parts.push(make("p", {}, data.trend ? "With two sizes none can be left out." : "Nothing is normalized."));
  if (seeds.length) parts.push(...bars("What its seeds scatter by, over training", seeds, []));
  else if (data.trend) parts.push(make("p", {}, "One seed a size: what seeds scatter by is not known."));
  box.replaceChildren(...parts);
}

/* ---- the slider ---- */

const given = data.offset; // what the slider is about
const spread = Math.log(given.far / given.near);
const input = document.getElementById("offset");
// Even steps in the logarithm of the distance to the smallest final loss.
const offsetAt = (position) => given.top - given.near * Math.exp(spread * (1 - position / STEPS));
const positionOf = (offset) => STEPS * Math.min(1, Math.max(0, 1 - Math.log((given.top - offset) / given.near) / spread));
const usable = (offset) => offset !== null && Number.isFinite(offset) && offset < given.top;

const jumps = [["offset in use", given.value], ["where the curves agree best", given.best], ["none: L / L(1)", given.top > 0 ? 0 : null]];

function marks() {
  const box = document.getElementById("marks"), width = box.clientWidth;
  box.replaceChildren();
  if (given.interval) {
    const [low, high] = given.interval, from = positionOf(low) / 10, band = make("i", { class: "band" });
    band.style.left = `${from}%`;
    band.style.width = `${(usable(high) ? positionOf(high) / 10 : 100) - from}%`;
    box.append(band);
  }
  const known = [["in use", given.value], ["curves agree best", given.best], ["0", jumps[2][1]]].filter(([, v]) => usable(v));
  const centre = (name, at) => { name.style.left = `${Math.max(name.offsetWidth / 2, Math.min(at, width - name.offsetWidth / 2))}px`; };
  let last = null, lastAt = 0;
  known.map(([text, v]) => [text, positionOf(v) / STEPS * width]).sort((p, q) => p[1] - q[1]).forEach(([text, at]) => {
    const tick = make("i"), name = make("span", {}, text);
    tick.style.left = `${at}px`;
    box.append(tick, name);
    centre(name, at);
    // Names that would overlap become one.
    if (last && name.getBoundingClientRect().left < last.getBoundingClientRect().right + 8) {
      last.textContent += `, ${text}`;
      name.remove();
      centre(last, (lastAt + at) / 2);
    } else [last, lastAt] = [name, at];
  });
}

function live(now) {
  if (now.reason) return now.reason;
  const parts = [`Sizes differ by ${percent(now.deviation)} of the curve's fall`];
  parts.push(`all runs scatter by ${percent(mean(now.delta.slice(0, -1)))} on average (Δ)`);
  if (now.floor) parts.push(`seeds of one size by ${percent(mean(now.floor.slice(0, -1)))} (floor)`, `Δ is below the floor on ${percent(now.fraction)} of training`);
  return `${parts.join("; ")}.`;
}

const start = compute(given.value);

function show(offset) {
  const now = compute(offset);
  window.report.state = now;
  if (usable(offset)) input.value = Math.round(positionOf(offset));
  const words = offset === null ? "none" : `${+offset.toPrecision(6)}`;
  document.getElementById("offset-value").textContent = offset === start.offset && offset !== null ? `${words}, in use` : words;
  input.setAttribute("aria-valuetext", words);
  document.getElementById("live").textContent = live(now);
  document.querySelectorAll("#jumps button").forEach((button, i) => button.setAttribute("aria-pressed", !button.disabled && jumps[i][1] === offset));
  drawCurves(now);
  drawDelta(now);
}

function drawAll() {
  legend("legend", data.sizes.map((size, s) => [`${size}${s ? "" : " parameters"}`, { colour: colourOf(s) }]).concat(
    data.runs.some((run) => run.suspect) ? [["set aside", { colour: ink("ink"), dash: "5 3" }]] : []));
  drawLaw();
  drawTrend();
  drawBars();
  marks();
  show(window.report.state ? window.report.state.offset : given.value);
}

window.report = { state: null };
jumps.forEach(([text, offset], i) => {
  const button = make("button", { type: "button" }, i ? text : offset === null ? "back to none" : `back to the ${text}`);
  button.disabled = !(usable(offset) || (i === 0 && offset === null));
  if (i === 1 && button.disabled) button.append(offset === null ? " (unknown)" : " (not below every final loss)");
  button.addEventListener("click", () => show(offset));
  document.getElementById("jumps").append(button);
});
input.value = usable(given.value) ? Math.round(positionOf(given.value)) : STEPS / 2;
input.addEventListener("input", () => show(offsetAt(Number(input.value))));
document.getElementById("relative").addEventListener("change", () => drawCurves(window.report.state));
drawAll();
window.addEventListener("resize", drawAll);
DARK.addEventListener("change", drawAll);
