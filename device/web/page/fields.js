// The page to draw fields: each rectangle over the picture is a form beside it, and is read whenever it changes.

import { shape } from "./marks.js";
import { loadModel } from "./model.js";

const PAUSE_MS = 300;
const MIN_PX = 4;
const JSON_TYPE = { "Content-Type": "application/json" };

const canvas = document.getElementById("picture");
const marks = document.getElementById("marks");
const list = document.getElementById("list");
const condition = document.getElementById("condition");

const forms = [];
let chosen = null;
let from = null;
let timer = 0;
let run = 0;

await loadModel();
const sheet = await (await fetch("/fields")).json();
await showPicture();
sheet.fields.forEach((field) => add(field));
say(`${sheet.width} x ${sheet.height}`, "idle");
changed();

document.getElementById("add").addEventListener("click", () => {
  const [width, height] = [Math.round(sheet.width / 3), Math.round(sheet.height / 6)];
  choose(add({ region: [width, 2 * height, width, height] }));
  chosen.inputs.name.focus();
  changed();
});
document.getElementById("save").addEventListener("click", save);
canvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || !event.isPrimary) return;
  canvas.setPointerCapture(event.pointerId);
  from = at(event);
});
canvas.addEventListener("pointermove", (event) => from && draw(rectangle(from, at(event))));
canvas.addEventListener("pointercancel", () => {
  from = null;
  draw();
});
canvas.addEventListener("pointerup", (event) => {
  if (!from) return;
  const region = rectangle(from, at(event));
  from = null;
  if (Math.min(region[2], region[3]) >= MIN_PX) take(region);
  draw();
});

async function showPicture() {
  const bitmap = await createImageBitmap(await (await fetch("/picture")).blob());
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  marks.setAttribute("viewBox", `0 0 ${sheet.width} ${sheet.height}`);
}

// Where the pointer is, in whole pixels of the picture as it is read.
function at(event) {
  const rect = canvas.getBoundingClientRect();
  const place = (offset, shown, size) => Math.min(Math.max(Math.round((offset / shown) * size), 0), size);
  return [place(event.clientX - rect.left, rect.width, sheet.width), place(event.clientY - rect.top, rect.height, sheet.height)];
}

function rectangle([x, y], [toX, toY]) {
  return [Math.min(x, toX), Math.min(y, toY), Math.abs(toX - x), Math.abs(toY - y)];
}

// A rectangle over the chosen field replaces it; any other is a new field.
function take(region) {
  if (chosen && overlaps(region, box(chosen))) chosen.inputs.region.value = region.join(", ");
  else choose(add({ region }));
  changed();
}

function overlaps([x, y, width, height], other) {
  if (!other) return false;
  return x < other[0] + other[2] && other[0] < x + width && y < other[1] + other[3] && other[1] < y + height;
}

function add(field) {
  const form = build(field);
  forms.push(form);
  list.append(form.root);
  form.root.addEventListener("focusin", () => choose(form));
  form.root.addEventListener("input", changed);
  form.remove.addEventListener("click", () => {
    forms.splice(forms.indexOf(form), 1);
    form.root.remove();
    if (chosen === form) chosen = null;
    changed();
  });
  return form;
}

function choose(form) {
  chosen = form;
  draw();
}

function build({ name = unused(), region, digits = "find", decimal_places = 0, ink = "either", ...more }) {
  const root = element("fieldset", { className: "field" });
  const inputs = {
    name: element("input", { value: name, required: true }),
    region: element("input", { value: region.join(", "), inputMode: "numeric" }),
    digits: element("input", { value: digits, size: 5 }),
    decimal_places: element("input", { type: "number", min: 0, max: 19, value: decimal_places }),
    ink: element("select"),
    unit: element("input", { value: more.unit ?? "", size: 5 }),
    max_rise_per_hour: element("input", { type: "number", min: 0, step: "any", value: more.checks?.max_rise_per_hour ?? "" }),
    length: element("input", { type: "number", min: 1, max: 20, value: more.checks?.length ?? "" }),
    rolling: element("input", { type: "checkbox", checked: more.rolling ?? false }),
    never_falls: element("input", { type: "checkbox", checked: more.checks?.never_falls ?? false }),
  };
  for (const each of ["either", "dark", "light"]) inputs.ink.append(new Option(each, each, false, each === ink));
  const output = element("output", { className: "number" });
  const remove = element("button", { type: "button", textContent: "Remove" });
  root.append(output, ...Object.entries(inputs).map(([key, input]) => labelled(key, input)), remove);
  return { root, inputs, output, remove };
}

function labelled(name, input) {
  const label = element("label", { textContent: name.replaceAll("_", " ") });
  label.append(input);
  return label;
}

function unused() {
  let number = forms.length + 1;
  while (forms.some(({ inputs }) => inputs.name.value === `field-${number}`)) number++;
  return `field-${number}`;
}

// What a form says, as the file of fields has it.
function table({ inputs }) {
  const checks = { never_falls: inputs.never_falls.checked };
  for (const key of ["max_rise_per_hour", "length"]) if (inputs[key].value) checks[key] = Number(inputs[key].value);
  const digits = inputs.digits.value.trim();
  return {
    name: inputs.name.value.trim(),
    region: inputs.region.value.split(",").map(number),
    digits: digits === "find" ? digits : number(digits),
    decimal_places: Number(inputs.decimal_places.value),
    ink: inputs.ink.value,
    rolling: inputs.rolling.checked,
    unit: inputs.unit.value,
    checks,
  };
}

// What is no number is sent as it is, so that the server says what it expects.
function number(text) {
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function changed() {
  draw();
  clearTimeout(timer);
  timer = setTimeout(read, PAUSE_MS);
}

async function read() {
  const mine = ++run;
  const asked = [...forms];
  const answers = asked.length ? await send("POST", asked.map(table)) : [];
  if (mine !== run || !answers) return;
  answers.forEach(({ text, value, error }, index) => {
    const { output, root } = asked[index];
    output.textContent = error ?? (text || "no digit found");
    output.title = error ? "" : value === null ? "unsure" : `value ${value}`;
    root.dataset.state = error ? "error" : value === null ? "unsure" : "sure";
  });
  draw();
}

async function save() {
  const saved = await send("PUT", forms.map(table));
  if (saved) say(`saved to ${saved.path}`, "good");
}

async function send(method, tables) {
  try {
    const response = await fetch("/fields", { method, headers: JSON_TYPE, body: JSON.stringify(tables) });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer;
  } catch (error) {
    say(error instanceof TypeError ? "The server does not respond" : error.message, "bad");
    return null;
  }
}

function say(text, kind) {
  condition.textContent = text;
  condition.className = `pill ${kind}`;
}

// The box around a form's region; null if it is none.
function box({ inputs }) {
  const values = inputs.region.value.split(",").map(Number);
  if (values.some((value) => !Number.isFinite(value))) return null;
  if (values.length === 4) return values;
  if (values.length !== 8) return null;
  const [xs, ys] = [0, 1].map((axis) => values.filter((_, index) => index % 2 === axis));
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  return [left, top, Math.max(...xs) - left, Math.max(...ys) - top];
}

// Draws every field, and what is being drawn.
function draw(extra = null) {
  const size = Math.max(sheet.width, sheet.height) / 40;
  const shapes = forms.flatMap((form) => {
    const place = box(form);
    if (!place) return [];
    const [x, y, width, height] = place;
    const kind = form === chosen ? "focus" : "digit";
    const label = shape("text", { x, y: y > 1.3 * size ? y - size / 3 : y + height + size, "font-size": size }, kind);
    label.textContent = form.inputs.name.value;
    return [shape("rect", { x, y, width, height }, kind), label];
  });
  if (extra) shapes.push(shape("rect", { x: extra[0], y: extra[1], width: extra[2], height: extra[3] }, "none"));
  marks.replaceChildren(...shapes);
}

function element(name, properties = {}) {
  return Object.assign(document.createElement(name), properties);
}
