// Plays the reading of a crop: the lines, the probabilities after each step, and the answer.

import { Crop, pixelsOf } from "./crop.js";
import { percent } from "./model.js";

const LINES = 28;
const LINE_MS = 45;

export class Reading {
  // Builds the display in `root`; `idle` is the text while there is nothing to read.
  constructor(root, model, idle) {
    this.model = model;
    this.reduced = matchMedia("(prefers-reduced-motion: reduce)");
    this.parts = build(root, model);
    this.crop = new Crop(this.parts.crop, model.time_axis === "columns");
    this.run = 0;
    this.idle = idle;
    this.reset();
  }

  // Plays an answer of /classify or a reading of /events; a newer call interrupts it. Calls `onLine` for each line read.
  async play(answer, onLine = () => {}) {
    const run = ++this.run;
    const pixels = answer.crop === null ? null : pixelsOf(answer.crop);
    const last = pixels ? answer.lines_read : 0;
    this.fillTable(answer.steps);
    const started = performance.now();
    const due = () => Math.min(last, Math.floor((performance.now() - started) / LINE_MS));
    for (let lines = this.reduced.matches ? last : 0; ; lines = due()) {
      this.crop.draw(pixels, lines, lines > 0 && lines < last);
      this.show(answer, lines);
      onLine(lines, last);
      if (lines === last) break;
      while (due() === lines) await nextFrame();
      if (run !== this.run) return;
    }
    this.conclude(answer);
  }

  // Clears the display.
  reset() {
    this.run++;
    this.announced = null;
    this.crop.draw(null, 0, false);
    this.fillTable([]);
    this.show({ steps: [] }, 0);
    this.write("", "", this.idle);
  }

  // Shows an error.
  fail(reason) {
    this.reset();
    this.write("!", reason, "");
    this.parts.status.textContent = reason;
  }

  show(answer, lines) {
    const steps = answer.steps.filter((step) => step.lines_read <= lines);
    const now = steps.at(-1);
    this.parts.rows.forEach((row, index) => {
      row.classList.toggle("now", index === steps.length - 1 && lines < LINES);
      row.cells.forEach((cell, label) => {
        cell.style.setProperty("--p", steps[index]?.probabilities[label] ?? 0);
        cell.classList.toggle("top", steps[index]?.index === label);
      });
    });
    this.parts.bars.forEach((bar, label) => {
      bar.style.setProperty("--p", now?.probabilities[label] ?? 0);
      bar.classList.toggle("top", now?.index === label);
    });
    const unit = this.crop.byColumns ? "columns" : "rows";
    const remark = `${lines} of ${LINES} ${unit}`;
    if (now) this.write(this.model.labels[now.index], percent(now.probability), remark);
    else this.write("", "", remark);
    this.parts.answer.classList.toggle("done", false);
  }

  conclude(answer) {
    const [first, probability] = answer.top[0] ?? ["", 0];
    const ms = answer.latency_ms.toLocaleString("en", { maximumFractionDigits: 2 });
    if (answer.index === null) this.write("∅", "no digit found", "");
    else if (answer.label === null) this.write("∅", `not a digit; closest: ${first}, ${percent(probability)}`, `read in ${ms} ms`);
    else this.write(answer.label, percent(answer.probability), `read in ${ms} ms; slowed down here`);
    this.parts.answer.classList.add("done");
    const announcement = answer.label === null ? "No digit" : `${answer.label}, ${percent(answer.probability)}`;
    if (announcement !== this.announced) this.parts.status.textContent = announcement;
    this.announced = announcement;
  }

  write(label, probability, remark) {
    this.parts.label.textContent = label;
    this.parts.probability.textContent = probability;
    this.parts.remark.textContent = remark;
  }

  fillTable(steps) {
    const rows = steps.map((step) => {
      const row = document.createElement("tr");
      const cells = [step.lines_read, this.model.labels[step.index], percent(step.probability)];
      row.append(...cells.map((text) => element("td", { textContent: text })));
      return row;
    });
    this.parts.table.replaceChildren(...rows);
  }
}

function build(root, model) {
  root.innerHTML = `
    <div class="title shared"><h2>Model input</h2><h3></h3></div>
    <div class="instrument">
      <canvas class="crop" role="img" aria-label="The crop, 28 by 28 pixels"></canvas>
      <div class="beliefs" aria-hidden="true"></div>
      <div class="answer"><p class="label"></p><p class="probability"></p><p class="remark"></p></div>
      <div class="bars" aria-hidden="true"></div>
    </div>
    <p class="unseen" role="status"></p>
    <details><summary>Prediction after each step</summary>
      <table><thead><tr><th scope="col">lines read</th><th scope="col">prediction</th><th scope="col">probability</th></tr></thead>
      <tbody></tbody></table>
    </details>`;
  const unit = model.time_axis === "columns" ? "columns" : "rows";
  root.querySelector("h3").textContent = `Probabilities after every ${model.lines_per_step} ${unit}`;
  const beliefs = root.querySelector(".beliefs");
  const bars = root.querySelector(".bars");
  const rows = Array.from({ length: model.steps }, () => {
    const row = element("div", { className: "belief" });
    row.cells = model.labels.map(() => element("i"));
    row.append(...row.cells);
    return row;
  });
  beliefs.append(...rows);
  const built = model.labels.map((label) => {
    const bar = element("div", { className: "bar" });
    bar.append(element("i"), element("b", { textContent: label }));
    return bar;
  });
  bars.append(...built);
  return {
    rows,
    bars: built,
    crop: root.querySelector(".crop"),
    answer: root.querySelector(".answer"),
    label: root.querySelector(".label"),
    probability: root.querySelector(".probability"),
    remark: root.querySelector(".remark"),
    status: root.querySelector("[role=status]"),
    table: root.querySelector("tbody"),
  };
}

function element(name, properties = {}) {
  return Object.assign(document.createElement(name), properties);
}

// A hidden page gets no animation frames.
function nextFrame() {
  return new Promise((resolve) => (document.hidden ? setTimeout(resolve, 100) : requestAnimationFrame(resolve)));
}
