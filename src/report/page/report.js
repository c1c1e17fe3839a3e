"use strict";
// Draws the report from the JSON in #data. Texts of documents reach the page through textContent alone.
const data = JSON.parse(document.getElementById("data").textContent);
const page = document.getElementById("page");
const tip = document.getElementById("tip");

const count = (n) => (n === null || n === undefined ? "–" : Math.round(n).toLocaleString("en"));
const short = (n) => (Math.abs(n) >= 1e6 ? (n / 1e6).toFixed(n >= 1e7 ? 0 : 1) + " M" : Math.abs(n) >= 1e4 ? (n / 1e3).toFixed(0) + " k" : Number.isInteger(n) ? String(n) : n.toPrecision(2));
const fixed = (x, digits = 2) => (x === null || x === undefined ? "–" : x.toFixed(digits));
const duration = (s) => (s < 10 ? s.toFixed(2) + " s" : s < 60 ? s.toFixed(1) + " s" : s < 3600 ? Math.floor(s / 60) + " m " + Math.round(s % 60) + " s" : Math.floor(s / 3600) + " h " + Math.round((s % 3600) / 60) + " m");

function element(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  for (const c of children.flat(Infinity)) if (c !== null && c !== undefined) e.append(c);
  return e;
}
function shape(tag, attributes = {}, text) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  return e;
}
function section(title, explanation) {
  const s = element("section", {}, element("h2", {}, title), explanation ? element("p", { class: "soft" }, explanation) : null);
  page.append(s);
  return s;
}
function table(columns, rows) {
  const cell = (tag, c, value) => element(tag, c.number ? { class: "number" } : {}, value);
  return element("div", { class: "wide" }, element("table", {},
    element("thead", {}, element("tr", {}, columns.map((c) => cell("th", c, c.name)))),
    element("tbody", {}, rows.map((r) => element("tr", {}, columns.map((c, i) => cell("td", c, r[i])))))));
}
function pairs(list) {
  return list.map((p) => element("div", { class: "pair" }, element("div", { class: "q" }, p.question), p.answer));
}

// The tooltip, by pointer or finger.
function explain(target, lines) {
  const show = (event) => {
    tip.replaceChildren(...lines().map((t, i) => element(i === 0 ? "b" : "div", {}, t)));
    tip.classList.add("on");
    const x = Math.min(event.pageX + 14, document.documentElement.clientWidth - tip.offsetWidth - 8);
    tip.style.left = Math.max(8, x) + "px";
    tip.style.top = event.pageY + 16 + "px";
  };
  target.addEventListener("pointermove", show);
  target.addEventListener("pointerdown", show);
  target.addEventListener("pointerleave", () => tip.classList.remove("on"));
}

// Charts are drawn for the width that they have, so that their text keeps its size; again when that changes.
const drawings = [];
function chart(caption, draw) {
  const box = element("figure", {}, caption ? element("figcaption", {}, caption) : null);
  const svg = shape("svg", { role: "img", "aria-label": caption || "chart" });
  box.append(svg);
  let last = 0;
  drawings.push(() => {
    const width = Math.floor(box.clientWidth);
    if (width === last || width < 40) return;
    last = width;
    svg.replaceChildren();
    const height = draw(svg, width);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
  });
  return box;
}
// Round values and their texts, all with the digits that the step needs.
function ticks(low, high, about) {
  const raw = (high - low) / about || 1, power = Math.pow(10, Math.floor(Math.log10(raw)));
  const step = [1, 2, 2.5, 5, 10].find((m) => m * power >= raw * 0.999) * power, out = [];
  const digits = step >= 1 ? 0 : Math.ceil(-Math.log10(step) + (step / power === 2.5 ? 0.5 : 0) - 1e-9);
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) out.push([v, Math.abs(v) >= 1e4 ? short(v) : v.toFixed(digits)]);
  return out;
}
function axes(svg, width, height, xs, ys, xName) {
  const left = 46, right = 12, top = 10, bottom = 40;
  const x = (v) => left + ((v - xs[0]) / (xs[1] - xs[0] || 1)) * (width - left - right);
  const y = (v) => height - bottom - ((v - ys[0]) / (ys[1] - ys[0] || 1)) * (height - top - bottom);
  for (const [t, text] of ticks(ys[0], ys[1], 5)) {
    svg.append(shape("line", { class: "grid", x1: left, x2: width - right, y1: y(t), y2: y(t) }), shape("text", { x: left - 7, y: y(t) + 4, "text-anchor": "end" }, text));
  }
  for (const [t, text] of ticks(xs[0], xs[1], Math.max(2, Math.floor(width / 110)))) svg.append(shape("text", { x: x(t), y: height - bottom + 17, "text-anchor": "middle" }, text));
  svg.append(shape("text", { x: left + (width - left - right) / 2, y: height - 6, "text-anchor": "middle" }, xName));
  return [x, y];
}
function lines(caption, xName, series, describe) {
  return chart(caption, (svg, width) => {
    const height = 240, all = series.flatMap((s) => s.points), last = series[0].points;
    const high = Math.max(...all.map((p) => p[1]), 1e-9), low = Math.min(0, ...all.map((p) => p[1]));
    const [x, y] = axes(svg, width, height, [0, Math.max(...all.map((p) => p[0]), 1)], [low, high * 1.05], xName);
    for (const s of series) if (s.points.length === 1) svg.append(shape("circle", { cx: x(s.points[0][0]), cy: y(s.points[0][1]), r: 4, fill: "var(--accent)" }));
    for (const s of series) svg.append(shape("polyline", { class: "curve " + (s.kind || ""), points: s.points.map((p) => x(p[0]).toFixed(1) + "," + y(p[1]).toFixed(1)).join(" ") }));
    const dot = shape("circle", { r: 4, fill: "var(--accent)", visibility: "hidden" });
    const sheet = shape("rect", { x: 0, y: 0, width, height, fill: "transparent" });
    let nearest = 0;
    sheet.addEventListener("pointermove", (event) => {
      const at = event.clientX - svg.getBoundingClientRect().left;
      nearest = last.reduce((best, p, i) => (Math.abs(x(p[0]) - at) < Math.abs(x(last[best][0]) - at) ? i : best), 0);
      dot.setAttribute("cx", x(last[nearest][0]));
      dot.setAttribute("cy", y(last[nearest][1]));
      dot.setAttribute("visibility", "visible");
    });
    sheet.addEventListener("pointerleave", () => dot.setAttribute("visibility", "hidden"));
    explain(sheet, () => describe(nearest));
    svg.append(dot, sheet);
    return height;
  });
}
function bars(caption, rows) {
  return chart(caption, (svg, width) => {
    const line = 40, most = Math.max(...rows.map((r) => r.value), 1e-9);
    rows.forEach((r, i) => {
      const top = i * line, length = Math.max((width * r.value) / most, r.value > 0 ? 2 : 0);
      svg.append(shape("text", { x: 0, y: top + 13, class: "ink" }, r.name), shape("text", { x: width, y: top + 13, "text-anchor": "end" }, r.text || count(r.value)));
      svg.append(shape("rect", { x: 0, y: top + 19, width, height: 10, rx: 3, fill: "var(--card)" }), shape("rect", { x: 0, y: top + 19, width: length, height: 10, rx: 3, class: "bar " + (r.kind || "") }));
    });
    return Math.max(rows.length * line - 8, 10);
  });
}

// 1. What it was and what it cost.
document.title = "equal report: " + data.name;
page.replaceChildren(element("h1", {}, data.name), element("p", { class: "soft" }, data.headline));
if (!data.complete) page.append(element("p", { class: "note" }, "The run is not complete: figures are of what it has done so far."));
page.append(element("div", { class: "figures" }, data.figures.map((f) => element("div", { class: "figure" }, element("b", {}, f.value), element("span", {}, f.name)))));

if (data.cost.length > 0) {
  const s = section("What it cost", data.cost_note);
  s.append(element("div", { class: "charts" }, data.cost.map((c) => bars(c.name, c.rows))));
}

// 2. Warm-up and rounds.
if (data.warmup) {
  const s = section("Warm-up", data.warmup.note);
  const curve = data.warmup.curve;
  if (curve.length > 1) s.append(lines("held-out MRR", "training steps", [{ points: curve.map((p) => [p.step, p.mrr]) }],
    (i) => [`step ${count(curve[i].step)}${curve[i].step === data.warmup.best_step ? ", kept" : ""}`, `held-out MRR ${fixed(curve[i].mrr, 4)}`, `loss ${fixed(curve[i].loss, 4)}`]));
}
if (data.rounds.length > 0) {
  const s = section("Rewards over the budget", data.rounds_note);
  let asked = 0, credit = 0;
  const total = [[0, 0]], mean = [];
  for (const r of data.rounds) {
    asked += r.documents;
    credit += r.reward;
    total.push([asked, credit]);
    mean.push([asked, r.documents > 0 ? r.reward / r.documents : 0]);
  }
  const about = (r) => [`round ${r.round}`, `${count(r.documents)} documents of ${count(r.arms)} arms`, `${count(r.pairs)} pairs, reward ${fixed(r.reward, 2)}`];
  const curves = [{ points: total }];
  if (data.random_reward !== null) curves.push({ points: [[0, 0], [asked, asked * data.random_reward]], kind: "other" });
  if (data.random_reward !== null) {
    s.append(element("div", { class: "legend" },
      element("span", {}, element("i", { class: "line", style: "border-color: var(--accent)" }), "this run"),
      element("span", {}, element("i", { class: "line dashed", style: "border-color: var(--soft)" }), "documents drawn at random, estimated")));
  }
  s.append(element("div", { class: "charts" },
    lines("Reward so far", "documents asked", curves, (i) => (i === 0 ? ["start"] : about(data.rounds[i - 1]))),
    lines("Reward of a document, by round", "documents asked", [{ points: mean }], (i) => about(data.rounds[i]))));
}

// 3. Map.
if (data.map.arms.length > 0) {
  const s = section("Map of the clusters", data.map.note);
  const best = Math.max(...data.map.arms.map((a) => (a.asked > 0 ? a.reward / a.asked : 0)), 1e-9);
  const largest = Math.max(...data.map.arms.map((a) => a.documents), 1);
  s.append(element("div", { class: "legend" },
    element("span", {}, element("i", { style: "background: var(--good)" }), "asked, the stronger the better its documents were"),
    element("span", {}, element("i", { style: "border-color: var(--soft)" }), "never asked"),
    element("span", {}, element("i", { style: "background: var(--mark); border-radius: 1px; transform: rotate(45deg) scale(0.75)" }), "reference")));
  s.append(chart("", (svg, width) => {
    const height = Math.max(300, Math.min(560, Math.round(width * 0.62))), edge = 26;
    const points = data.map.arms.concat(data.map.reference);
    const span = (k) => [Math.min(...points.map((p) => p[k])), Math.max(...points.map((p) => p[k]))];
    const [x0, x1] = span("x"), [y0, y1] = span("y");
    const x = (v) => edge + ((v - x0) / (x1 - x0 || 1)) * (width - 2 * edge), y = (v) => edge + ((v - y0) / (y1 - y0 || 1)) * (height - 2 * edge);
    const biggest = Math.max(9, Math.min(26, width / 34));
    for (const a of [...data.map.arms].sort((p, q) => q.documents - p.documents)) {
      const c = shape("circle", { cx: x(a.x).toFixed(1), cy: y(a.y).toFixed(1), r: (2 + (biggest - 2) * Math.sqrt(a.documents / largest)).toFixed(1) });
      if (a.asked > 0) {
        c.setAttribute("fill", "var(--good)");
        c.setAttribute("fill-opacity", (0.14 + (0.78 * Math.max(0, a.reward)) / a.asked / best).toFixed(2));
        c.setAttribute("stroke", "var(--good)");
      } else {
        c.setAttribute("fill", "transparent");
        c.setAttribute("stroke", "var(--soft)");
        c.setAttribute("stroke-opacity", "0.55");
      }
      explain(c, () => [`arm ${a.arm}: ${count(a.documents)} documents, radius ${fixed(a.radius)}`, a.asked > 0 ? `${count(a.asked)} asked, ${count(a.pairs)} pairs, reward ${fixed(a.reward)}` : "never asked", ...a.titles]);
      svg.append(c);
    }
    for (const g of data.map.reference) {
      const px = x(g.x), py = y(g.y), r = width < 520 ? 2.2 : 3.4;
      const d = shape("path", { d: `M${px} ${py - r}L${px + r} ${py}L${px} ${py + r}L${px - r} ${py}Z`, fill: "var(--mark)", "fill-opacity": 0.7 });
      explain(d, () => ["reference", g.title]);
      svg.append(d);
    }
    return height;
  }));
}

// 4. Arms.
function arms(title, list) {
  if (list.length === 0) return [];
  return [element("h3", {}, title), list.map((a) => element("details", {},
    element("summary", {}, element("b", {}, "arm " + a.arm), `${count(a.asked)} of ${count(a.documents)} documents asked, ${count(a.pairs)} pairs, reward ${fixed(a.reward)} (${fixed(a.asked > 0 ? a.reward / a.asked : 0)} a document)`),
    a.examples.map((d) => [element("p", { class: "soft" }, `document ${d.number}, ${d.id}: ${d.title}`), pairs(d.pairs)])))];
}
if (data.best_arms.length > 0) section("Arms", "An arm is a cluster of documents. Open one for examples of what it gave.").append(...arms("The best", data.best_arms).flat(), ...arms("The worst of those that were asked", data.worst_arms).flat());

// 5. Coverage.
if (data.coverage) {
  const c = data.coverage;
  const s = section("Coverage of the reference", c.note);
  s.append(element("div", { class: "charts" }, bars("Guide items by the pairs that serve them", c.histogram)));
  if (c.unserved.length > 0) {
    s.append(element("h3", {}, "Least served: is there a niche that the corpus does not cover?"), table(
      [{ name: "guide item" }, { name: "pairs", number: true }, { name: "nearest cluster", number: true }, { name: "cosine to it", number: true }],
      c.unserved.map((u) => [u.question, count(u.served), String(u.arm), fixed(u.similarity)])));
  }
}

// 6. Kept and left out.
if (data.pairs.length > 0) section("Pairs kept and left out", "Every pair that the extractor wrote, by what became of it.").append(bars("", data.pairs));
if (data.data_sets.length > 0) {
  section("The data set", "As the last export wrote it.").append(table([{ name: "split" }, { name: "file" }, { name: "pairs", number: true }, { name: "sha256" }],
    data.data_sets.map((f) => [f.split, f.file, count(f.pairs), f.sha256.slice(0, 16)])));
}
if (data.examples.length > 0) section("Pairs with the highest credit").append(...pairs(data.examples));

// 7. Time.
const times = section("Time and ranks", "Wall time of each stage, and how the answers were spread over the ranks.");
times.append(element("div", { class: "charts" }, bars("Stages", data.stages.map((t) => ({ name: t.name, value: t.seconds, text: duration(t.seconds) }))),
  data.ranks.length > 0 ? bars("Answers by rank", data.ranks.map((r) => ({ name: "rank " + r.rank, value: r.answers, text: `${count(r.answers)} documents` }))) : null));

// 8. Settings.
const last = section("Settings and digests");
last.append(element("details", {}, element("summary", {}, "settings of the run"), element("pre", {}, data.settings)),
  element("details", {}, element("summary", {}, "digests of the stages"), element("pre", {}, data.digests)));

const draw = () => drawings.forEach((d) => d());
draw();
new ResizeObserver(draw).observe(page);
// On paper everything is open.
window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => (d.open = true)));
