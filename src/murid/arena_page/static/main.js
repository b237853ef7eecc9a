// The page on which arenas are drawn: connects the image, the tools, the list and the videos.

import { getBlob, getJson } from "./api.js";
import { formatCoordinates, parseLength, parsePoints, parseShape } from "./geometry.js";
import { Model } from "./model.js";
import { Panel, make, setOptions } from "./panel.js";
import { Tools } from "./tools.js";
import { View } from "./view.js";

const ZOOM_FACTOR = 1.3;
// Coordinates are read aloud when the cursor rests.
const SAY_PLACE_MS = 400;

const $ = (id) => document.getElementById(id);

const page = { videos: [], previous: null, isLoading: false, sayTimer: 0 };
const model = new Model();
const view = new View($("canvas"));
const tools = new Tools(view, model, { show, showPlace, say, setLine, addShape, editName, deleteShape });
const panel = new Panel($("shapes"), {
  select: (id) => { tools.choose("select"); model.select(id === model.selected ? null : id); },
  edit: (id, change, refuse) => model.change({ kind: "edit", shape: id, ...change }, refuse),
  deleteShape, refresh: show,
  focusCanvas: () => $("canvas").focus({ preventScroll: true }),
});

// ---- show -------------------------------------------------------------------------------------

function show() {
  const { state, shapes } = model;
  if (!state) return;
  const selected = tools.tool === "move" ? shapes.map((shape) => shape.id) : [model.selected];
  view.show({ ...tools.describe(), shapes, selected, corner: model.corner, cmPerPx: state.cm_per_px });
  panel.show(shapes, model.selected);
  $("no-shapes").hidden = shapes.length > 0;
  $("canvas").classList.toggle("drawing", tools.isDrawing);
  $("canvas").classList.toggle("moving", tools.tool === "move");
  $("hint").textContent = tools.hint;
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.setAttribute("aria-pressed", String(button.dataset.tool === tools.tool));
  }
  for (const button of document.querySelectorAll("[data-role]")) {
    const isNext = tools.drawsShape && button.dataset.role === tools.role;
    button.setAttribute("aria-pressed", String(isNext));
  }
  showScale();
  showSaved();
}

function showScale() {
  const { cm_per_px: cmPerPx, width, height, pixel_aspect: aspect } = model.state;
  const size = (length) => Number((length * cmPerPx).toPrecision(3));
  $("scale-text").textContent = cmPerPx
    ? `${Number(cmPerPx.toPrecision(4))} cm per pixel: the image shows ${size(width * aspect)} × ${size(height)} cm.`
    : "None: lengths are in pixels.";
  $("remove-scale").hidden = !cmPerPx;
  const options = model.shapes.filter((shape) => shape.role !== "ignore").map((shape) => [shape.id, shape.name]);
  setOptions($("width-of"), options);
  $("scale-by-width").hidden = options.length === 0;
}

function showSaved() {
  const { state } = model;
  const isSaved = state.is_saved && model.moves.length === 0;
  $("saved").classList.toggle("unsaved", !isSaved);
  const text = isSaved ? (page.hasSaved ? "Saved" : "") : "Not saved";
  if ($("saved").textContent !== text) $("saved").textContent = text;
  document.title = `${isSaved ? "" : "● "}${state.name} · murid arena`;
  $("undo").disabled = state.undo === null && model.moves.length === 0;
  $("redo").disabled = state.redo === null;
  $("undo").title = state.undo ? `Undo: ${state.undo} (z)` : "Undo (z)";
  $("redo").title = state.redo ? `Redo: ${state.redo} (y)` : "Redo (y)";
}

/** Show what belongs to the video as a whole. */
function showVideo() {
  const { state } = model;
  $("video-name").textContent = state.name;
  $("files").textContent = `Save writes ${state.arena_file}, and an image of it: ${state.image_file}`;
  const notes = [...state.notes];
  if (state.copied_from) {
    notes.unshift(`The shapes are those of ${state.copied_from}. Move them with the arrow keys or the mouse until they fit, then save.`);
  }
  $("notes").replaceChildren(...(notes.length ? [make("p", { class: "note", role: "status" }, notes.join(" "))] : []));
}

function showVideos() {
  const hasMany = page.videos.length > 1;
  $("videos-label").hidden = !hasMany;
  $("next").hidden = !hasMany;
  $("next").disabled = model.state.video + 1 >= page.videos.length;
  setOptions($("videos"), page.videos.map((video, k) => {
    const isShown = k === model.state.video;
    const mark = isShown ? "" : !video.is_saved ? " (not saved)" : video.has_file ? " (saved)" : "";
    return [k, `${k + 1} of ${page.videos.length}: ${video.name}${mark}`];
  }), model.state.video);
  const others = page.videos.map((video, k) => [k, video.name, video.is_open])
    .filter(([k, , isOpen]) => isOpen && k !== model.state.video);
  $("copy-section").hidden = others.length === 0;
  setOptions($("copy-from"), others.map(([k, name]) => [k, name]), page.previous ?? undefined);
}

function showPlace([x, y], isSaid = false) {
  $("place").textContent = `x ${x.toFixed(1)}  y ${y.toFixed(1)}`;
  if (!isSaid) return;
  clearTimeout(page.sayTimer);
  page.sayTimer = setTimeout(() => say(`x ${x}, y ${y}`), SAY_PLACE_MS);
}

function say(text) { $("live").textContent = text; }

function showError(text, ...buttons) {
  $("alert").replaceChildren(text, ...buttons, make("button", { onclick: hideError }, "Close"));
  $("alert").hidden = false;
}

function hideError() { $("alert").hidden = true; }

/** Show an error where its cause is: beside the field or the shape, or above the image. */
model.onError = (error, place, action) => {
  if (typeof place === "function") place(error.message);
  else if (typeof place === "number") panel.refuse(place, error.message);
  else if (action === "save" && error.status === 409) {
    showError(error.message, make("button", { onclick: () => save(true) }, "Overwrite it"));
  } else showError(error.message);
};
model.onChange = show;

// ---- shapes -----------------------------------------------------------------------------------

async function addShape(shape, refuse = null) {
  const id = Math.max(0, ...model.shapes.map((each) => each.id));
  hideError();
  const state = await model.change({ kind: "add", ...shape }, refuse);
  if (!state) return null;
  const added = state.shapes.find((each) => each.id > id);
  say(`${state.undo}. Enter changes its name.`);
  if (added) model.select(added.id);
  return state;
}

function editName(id) { panel.focusName(id); }

async function deleteShape(id) {
  const state = await model.change({ kind: "delete", shape: id }, id);
  $("canvas").focus({ preventScroll: true });
  if (state) say(`${state.undo}. z brings it back.`);
}

async function undo() {
  panel.restore();
  const words = model.state.undo;
  if (await model.send("undo", {})) say(`Undone: ${words ?? "the last move"}`);
}

async function redo() {
  panel.restore();
  const words = model.state.redo;
  if (await model.send("redo", {})) say(`Done again: ${words}`);
}

// ---- scale ------------------------------------------------------------------------------------

function setLine(points) {
  $("line").value = formatCoordinates({ polygon: points });
  $("line-cm").focus();
  $("line-cm").select();
  show();
}

async function setScale(event, read) {
  event.preventDefault();
  const problem = $("scale-problem");
  try {
    const change = read();
    const state = await model.change(change, (message) => { problem.textContent = message; });
    if (!state) return;
    problem.textContent = "";
    tools.line = null;
    say(state.undo ?? "");
    tools.choose("select");
  } catch (error) {
    problem.textContent = error.message;
  }
}

function readLine() {
  const points = parsePoints($("line").value);
  if (points.length !== 2) throw new Error(`scale: expected two points x1,y1 x2,y2, got "${$("line").value}"`);
  return { kind: "scale", points, length_cm: parseLength($("line-cm").value) };
}

function readWidth() {
  const shape = Number($("width-of").value);
  return { kind: "scale by width", shape, length_cm: parseLength($("width-cm").value) };
}

// ---- videos -----------------------------------------------------------------------------------

async function open(video, previous = null) {
  $("image-note").textContent = "Reading the video …";
  $("image-note").hidden = false;
  const state = await model.send("open", { video, body: { previous } });
  if (!state) {
    $("image-note").hidden = true;
    if (model.state) showVideos();
    return;
  }
  hideError();
  page.previous = previous;
  page.hasSaved = false;
  panel.clear();
  tools.line = null;
  view.setImage(`api/videos/${video}/image`, state);
  history.replaceState(null, "", `${location.pathname}#video=${video + 1}`);
  tools.choose(state.copied_from && !state.undo ? "move" : state.shapes.length ? "select" : "polygon");
  showVideo();
  await loadVideos();
}

/** Show why there is no image: the server says it to whoever asks. */
async function explainMissingImage() {
  try {
    await getBlob(view.image.getAttribute("href"));
  } catch (error) {
    $("image-note").textContent = error.message;
  }
}

async function loadVideos() {
  try {
    page.videos = (await getJson("api/videos")).videos;
    showVideos();
  } catch (error) {
    showError(error.message);
  }
}

async function save(overwrite = false) {
  document.activeElement.blur();
  const state = await model.send("save", { overwrite });
  if (!state) return false;
  hideError();
  page.hasSaved = true;
  show();
  $("files").textContent = `Saved: ${state.arena_file} and ${state.image_file}`;
  say(`Saved: ${state.arena_file}`);
  await loadVideos();
  return true;
}

async function saveAndGoOn() {
  model.finishMove();
  await model.sending;
  const { video, is_saved: isSaved } = model.state;
  if (video + 1 >= page.videos.length) return;
  // A video on which nothing was drawn gets no file.
  if (isSaved || await save()) await open(video + 1, video);
}

function readAddress() {
  const number = Number(new URLSearchParams(location.hash.slice(1)).get("video"));
  return number >= 1 && number <= page.videos.length ? number - 1 : 0;
}

// ---- keys and buttons -------------------------------------------------------------------------

const KEYS = {
  v: () => tools.choose("select"), p: () => tools.choose("polygon"), r: () => tools.choose("rectangle"),
  c: () => tools.choose("circle"), l: () => tools.choose("scale"), m: () => tools.choose("move"),
  1: () => chooseRole("arena"), 2: () => chooseRole("zone"), 3: () => chooseRole("nest"),
  4: () => chooseRole("shelter"), 5: () => chooseRole("ignore"),
  b: () => { tools.choose("select"); tools.selectNext(); },
  z: undo, y: redo, s: () => save(), n: saveAndGoOn, "?": () => $("help").showModal(),
  "+": () => view.zoomBy(ZOOM_FACTOR), "=": () => view.zoomBy(ZOOM_FACTOR), "-": () => view.zoomBy(1 / ZOOM_FACTOR),
  0: () => view.fit(), Escape: hideError,
};

function chooseRole(role) {
  tools.role = role;
  if (!tools.drawsShape) tools.choose("polygon");
  show();
}

function press(event) {
  if (event.metaKey || event.altKey || $("help").open || !model.state) return;
  const { target } = event;
  const isText = target.matches("input, select, textarea");
  if (event.ctrlKey) {
    pressWithControl(event, isText);
    return;
  }
  if (isText) {
    if (event.key === "Escape") $("canvas").focus({ preventScroll: true });
    return;
  }
  // A button that has the focus keeps the keys that press it.
  if ((event.key === " " || event.key === "Enter") && target.matches("button, summary")) return;
  const act = KEYS[event.key];
  if (!tools.key(event)) {
    if (!act) return;
    act();
  }
  event.preventDefault();
}

/** The usual keys of other programs; in a text field they belong to the text. */
function pressWithControl(event, isText) {
  const key = event.key.toLowerCase();
  if (key === "s") save();
  else if (isText) return;
  else if (key === "z") (event.shiftKey ? redo : undo)();
  else if (key === "y") redo();
  else return;
  event.preventDefault();
}

function listen() {
  document.addEventListener("keydown", press);
  const clicks = {
    undo, redo, save: () => save(), next: saveAndGoOn, "open-help": () => $("help").showModal(),
    "zoom-in": () => view.zoomBy(ZOOM_FACTOR), "zoom-out": () => view.zoomBy(1 / ZOOM_FACTOR),
    "zoom-fit": () => view.fit(), "remove-scale": () => model.change({ kind: "remove scale" }),
  };
  for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", act);
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.addEventListener("click", () => tools.choose(button.dataset.tool));
  }
  for (const button of document.querySelectorAll("[data-role]")) {
    button.classList.add(`role-${button.dataset.role}`);
    button.addEventListener("click", () => chooseRole(button.dataset.role));
  }
  $("scale-by-line").addEventListener("submit", (event) => setScale(event, readLine));
  $("scale-by-width").addEventListener("submit", (event) => setScale(event, readWidth));
  $("add-form").addEventListener("submit", addFromText);
  $("copy-form").addEventListener("submit", copy);
  $("videos").addEventListener("change", () => open(Number($("videos").value), model.state.video));
  view.image.addEventListener("load", () => {
    $("image-note").hidden = true;
    $("canvas").dataset.loaded = model.state.video;
  });
  view.image.addEventListener("error", explainMissingImage);
  document.addEventListener("visibilitychange", () => {
    // Another tab may have changed the drawing meanwhile.
    if (!document.hidden && model.state) model.send("open", {});
  });
  window.addEventListener("beforeunload", (event) => {
    model.finishMove();
    const others = page.videos.some((video, k) => !video.is_saved && k !== model.state?.video);
    if (others || (model.state && !model.state.is_saved)) event.preventDefault();
  });
}

async function addFromText(event) {
  event.preventDefault();
  const problem = $("add-problem");
  const refuse = (message) => { problem.textContent = message; };
  try {
    const shape = parseShape($("add-coordinates").value);
    const given = { role: $("add-role").value, name: $("add-name").value };
    if (!await addShape({ ...given, ...shape }, refuse)) return;
    problem.textContent = "";
    $("add-coordinates").value = "";
    $("add-name").value = "";
  } catch (error) {
    refuse(error.message);
  }
}

async function copy(event) {
  event.preventDefault();
  if (!await model.change({ kind: "copy", video: Number($("copy-from").value) })) return;
  showVideo();
  tools.choose("move");
}

async function start() {
  // The token is in a cookie now; in the address it would be copied by accident.
  history.replaceState(null, "", location.pathname + location.hash);
  listen();
  try {
    page.videos = (await getJson("api/videos")).videos;
    await open(readAddress());
  } catch (error) {
    showError(error.message);
  }
  document.body.dataset.ready = "true";
}

start();
