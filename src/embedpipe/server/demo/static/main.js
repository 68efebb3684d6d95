// The page: settings, the text, and what is asked of the server when they change.

import { ask, askForKey } from "./server.js";
import { showCode } from "./code.js";
import { showMap } from "./map.js";
import { showSentences } from "./sentences.js";
import { showSimilarity } from "./similarity.js";
import { SAMPLES } from "./samples.js";

const byId = (id) => document.getElementById(id);
const fields = ["model", "precision", "pooling"];
let models = [];
let latest = 0;
let timer = 0;

function settings() {
  return Object.fromEntries(fields.map((id) => [id, byId(id).value]));
}

function fill(select, values, chosen) {
  select.replaceChildren(...values.map((value) => new Option(value, value)));
  select.value = chosen;
}

function modelChanged() {
  const model = models.find((found) => found.name === byId("model").value);
  fill(byId("precision"), model.precisions, model.precision);
  fill(byId("pooling"), model.poolings, model.pooling);
  changed();
}

function say(message, isError = false) {
  byId("status").textContent = message;
  byId("status").classList.toggle("error", isError);
}

// Ask once typing pauses; an answer that a later question overtook is dropped.
function changed() {
  clearTimeout(timer);
  timer = setTimeout(update, 250);
}

async function update() {
  const text = byId("text").value;
  const current = ++latest;
  const lines = text.split("\n").filter((line) => line.trim() !== "").slice(0, 2000);
  showCode(settings(), models.find((found) => found.name === settings().model), text);
  if (text.trim() === "") {
    say("");
    show({ sentences: [], tokens: [], similarity: [] }, [], []);
    return;
  }
  say("computing …");
  const begin = performance.now();
  try {
    const asked = [ask("/demo/analyze", { ...settings(), text: text.slice(0, 20000) })];
    if (lines.length > 2) asked.push(ask("/demo/map", { ...settings(), lines }));
    const [found, map] = await Promise.all(asked);
    if (current !== latest) return;
    show(found, map ? map.points : [], lines);
    const count = `${found.sentences.length} sentences, ${found.tokens.length} tokens`;
    say(`${count} in ${Math.round(performance.now() - begin)} ms`);
  } catch (error) {
    if (current === latest) say(error.message, true);
  }
}

function show(found, points, lines) {
  showSentences(found);
  showSimilarity(found);
  showMap(points, lines);
  document.body.dataset.ready = String(latest);
}

async function take(file) {
  byId("text").value = (await file.text()).slice(0, 200000);
  changed();
}

function toggleTheme(theme) {
  document.documentElement.dataset.theme = theme;
  byId("theme").setAttribute("aria-pressed", String(theme === "dark"));
  document.dispatchEvent(new Event("theme"));
}

function listen() {
  byId("text").addEventListener("input", changed);
  byId("model").addEventListener("change", modelChanged);
  for (const id of ["precision", "pooling"]) byId(id).addEventListener("change", changed);
  byId("file").addEventListener("change", (event) => take(event.target.files[0]));
  for (const button of document.querySelectorAll("[data-sample]")) {
    button.addEventListener("click", () => {
      byId("text").value = SAMPLES[button.dataset.sample];
      changed();
    });
  }
  byId("theme").addEventListener("click", () => {
    toggleTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  });
  const area = byId("text");
  area.addEventListener("dragover", (event) => {
    event.preventDefault();
    area.classList.add("over");
  });
  area.addEventListener("dragleave", () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    area.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
}

async function start() {
  toggleTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  listen();
  try {
    ({ models } = await ask("/demo/models"));
  } catch (error) {
    say(error.message, true);
    if (error.status === 401) askForKey(start);
    return;
  }
  const names = models.map((model) => model.name);
  const wanted = new URLSearchParams(location.search).get("model");
  fill(byId("model"), names, names.includes(wanted) ? wanted : names[0]);
  if (byId("text").value === "") byId("text").value = SAMPLES.medicine;
  modelChanged();
}

start();
