// The page of a review: loads the state, and connects video, question, timeline and keys.

import { getJson, post } from "./api.js";
import { Crops, listCrops } from "./crops.js";
import { Editor } from "./editor.js";
import { fillCrops, make, showCrops, showList, showLog, showQuestion } from "./panel.js";
import { Timeline, formatTime } from "./timeline.js";
import { Viewer } from "./viewer.js";

const POLL_MS = 2500;
const POLL_WHILE_SOLVING_MS = 700;
const SPEEDS = ["0.1", "0.25", "0.5", "1", "2", "4"];
// Frames of the next clip that are fetched while this one plays.
const N_LATER = 40;
// Nobody sees and answers in less: a key pressed sooner is for what was shown before.
const REACTION_MS = 400;

const $ = (id) => document.getElementById(id);

const viewer = new Viewer($("video"), $("video-note"));
const timeline = new Timeline($("timeline"));
const crops = new Crops();
const buttons = [...document.querySelectorAll("[data-answer]")];
const question = { title: $("question-title"), text: $("question-text"), buttons };

const page = {
  state: null, crossings: [], corrections: [], names: new Map(),
  // Answers that the server has not confirmed yet, by crossing.
  pending: new Map(), refreshing: null, mustRefresh: false,
  // The last request that changes something: they are sent in their order.
  sending: Promise.resolve(),
  // Identities of which the crossings are, and what was shown before they were computed again.
  revision: null, before: null, changedAt: -Infinity,
  // A crossing whose answer was undone, until it is listed again.
  undone: null,
  current: null, moments: null, momentsOf: null, isFree: false, cache: new Map(),
};

const editor = new Editor(viewer, {
  text: $("editor-text"), actions: $("editor-actions"), animal: $("animal"), assign: $("assign"),
  swap: $("swap"), drop: $("drop"), rename: $("rename"), name: $("name"), draw: $("draw-box"),
}, (edit) => correct(send("api/edits", { edit, revision: page.state.revision })));

// ---- state ------------------------------------------------------------------------------------

async function loadState() {
  const before = page.state;
  const state = await getJson("api/state");
  page.state = state;
  page.names = new Map(state.animals.map((animal) => [animal.id, animal.name]));
  viewer.names = page.names;
  if (!before || before.n_frames !== state.n_frames) viewer.setRecording(state);
  timeline.setRecording(state);
  editor.setAnimals(state.animals, page.names, state.reader_note !== null);
  showState(state);
  const isNew = !before || before.revision !== state.revision;
  const areZonesNew = before && before.zones.length !== state.zones.length;
  if (isNew || areZonesNew || before.log_length !== state.log_length) await loadCrossings();
  if (before && isNew) say("Identities were computed again.");
}

async function loadCrossings() {
  const [{ revision, crossings }, corrections] = await Promise.all([
    getJson("api/crossings"), getJson("api/corrections")]);
  const before = page.current;
  const areNew = page.revision !== null && revision !== page.revision;
  if (areNew) {
    viewer.boxes.clear();
    timeline.clear();
    page.cache.clear();
    page.momentsOf = null;
  }
  if (areNew && before) {
    page.before = { crossing: before, revision: page.revision };
    page.changedAt = performance.now();
  }
  page.revision = revision;
  page.crossings = crossings.map((crossing) => (page.pending.has(crossing.id)
    ? { ...crossing, answer: page.pending.get(crossing.id) } : crossing));
  page.corrections = corrections;
  timeline.crossings = page.crossings;
  timeline.flags = corrections;
  timeline.requestDraw();
  showPairs();
  showZones();
  if (before && !find(before.id)) {
    // The animals have other numbers now, or the crossing is no longer in doubt.
    const again = findAgain(before);
    page.current = null;
    if (page.isFree) page.current = again ?? null;
    else choose(again ?? nextToAnswer(), true);
  } else if (before) {
    page.current = find(before.id);
    if (areNew) loadMoments(page.current);
  }
  if (areNew && page.undone) {
    const again = findAgain(page.undone);
    page.undone = null;
    if (again) showAgain(again);
  }
  showPanel();
}

/** Return the crossing without an answer that is where another one was, or undefined. */
function findAgain(before) {
  return page.crossings.find((crossing) => crossing.answer === null
    && crossing.first_frame <= before.last_frame && crossing.last_frame >= before.first_frame);
}

function find(id) { return page.crossings.find((crossing) => crossing.id === id); }

function showState(state) {
  const { n_looked_at: looked, n_crossings: n } = state;
  $("run-name").textContent = state.run;
  document.title = `${state.run} · murid review`;
  const { answers_needed: needed } = state;
  const sure = (state.probability === null ? "no animals" : `names ${state.probability} sure`)
    + (needed ? `; about ${needed.n} more answer${needed.n === 1 ? "" : "s"} to ${needed.probability}` : "");
  $("progress-text").textContent = n ? `${looked} of ${n} looked at; ${sure}` : `no doubtful crossings; ${sure}`;
  $("progress-bar").setAttribute("aria-valuemax", String(n));
  $("progress-bar").setAttribute("aria-valuenow", String(looked));
  $("progress-fill").style.width = `${n ? (100 * looked) / n : 100}%`;
  $("solver").hidden = !state.is_solving;
  $("undo").disabled = !state.can_undo;
  $("redo").disabled = !state.can_redo;
  const notes = [state.reader_note, state.video_error, state.solver_error].filter(Boolean);
  $("notes").replaceChildren(...notes.map((note) => make("p", { class: "note", role: "status" }, note)));
}

function showPanel() {
  const { current } = page;
  timeline.current = current?.id ?? null;
  timeline.requestDraw();
  viewer.pair = current && !page.isFree ? current.identities : [];
  const times = (frame) => timeline.toTime(frame);
  showQuestion(question, current, page.names, times);
  // Elsewhere in the video nobody sees what an answer would be about.
  const cannotAnswer = page.isFree || page.state.reader_note !== null;
  if (cannotAnswer) buttons.forEach((button) => { button.disabled = true; });
  showCrops($("crops"), current, page.momentsOf === current?.id ? page.moments : null, page.names, crops, goTo);
  showList($("crossing-list"), filtered(), current?.id, page.names, times, (id) => choose(find(id)));
  showLog($("log"), page.corrections, goTo, undo);
  $("log-count").textContent = page.corrections.length ? `(${page.corrections.length})` : "";
  $("back-to-crossing").hidden = !page.isFree || !current;
}

// ---- crossings --------------------------------------------------------------------------------

function filtered() {
  const pair = $("pair").value;
  const min = Number($("min-duration").value) || 0;
  const zone = $("zone").value;
  return page.crossings.filter((crossing) => crossing.duration_s >= min
    && (!pair || crossing.identities.join("-") === pair)
    && (!zone || crossing.zones.includes(zone)));
}

function showPairs() {
  const pairs = [...new Set(page.crossings.map((crossing) => crossing.identities.join("-")))];
  pairs.sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
  showChoices($("pair"), pairs.map((pair) => {
    const [one, other] = pair.split("-").map((id) => page.names.get(Number(id)) ?? id);
    return [pair, `${one} and ${other}`];
  }));
}

/** Offer the zones in which crossings begin, as soon as they are known. */
function showZones() {
  const { zones } = page.state;
  $("zone-filter").hidden = zones.length === 0;
  showChoices($("zone"), zones.map((zone) => [zone, zone]));
}

/** Offer all or one of some values, and keep what was chosen if it is among them. */
function showChoices(select, choices) {
  const chosen = select.value;
  select.replaceChildren(make("option", { value: "" }, "all"),
    ...choices.map(([value, text]) => make("option", { value }, text)));
  if (choices.some(([value]) => value === chosen)) select.value = chosen;
}

/** Return the first crossing that nobody has looked at, other than the current one. */
function nextToAnswer() {
  return filtered().find((crossing) => crossing.answer === null && crossing.id !== page.current?.id) ?? null;
}

function choose(crossing, isQuiet = false) {
  page.current = crossing ?? null;
  page.isFree = !crossing;
  page.undone = null;
  if (!isQuiet) page.changedAt = -Infinity;
  viewer.selected = null;
  if (crossing) {
    viewer.loop(crossing.clip_first, crossing.clip_last);
    timeline.reveal(crossing.first_frame);
    loadMoments(crossing);
    if (!isQuiet) say(describe(crossing));
  } else {
    viewer.clip = null;
    viewer.show(viewer.frame);
  }
  setAddress();
  prepareNext();
  showPanel();
}

function describe(crossing) {
  const [one, other] = crossing.identities.map((id) => page.names.get(id) ?? id);
  const state = crossing.answer ? `, looked at: ${crossing.answer}` : "";
  return `Crossing of ${one} and ${other} at ${formatTime(timeline.toTime(crossing.first_frame), 0.1)}${state}`;
}

function turn(by) {
  const list = filtered();
  if (!list.length) return;
  const place = list.findIndex((crossing) => crossing.id === page.current?.id);
  choose(list[place < 0 ? 0 : (place + by + list.length) % list.length]);
}

/** Return the clear moments of a crossing, with the revision for which they hold. */
function fetchMoments(crossing) {
  if (!page.cache.has(crossing.id)) {
    const path = `api/crossings/${encodeURIComponent(crossing.id)}/moments`;
    const promise = getJson(path);
    page.cache.set(crossing.id, promise);
    promise.catch(() => page.cache.delete(crossing.id));
  }
  return page.cache.get(crossing.id);
}

async function loadMoments(crossing) {
  try {
    const moments = await fetchMoments(crossing);
    // Images of other identities would show other animals.
    if (page.current?.id !== crossing.id || moments.revision !== page.revision) return;
    crops.want(listCrops(moments));
    page.moments = moments;
    page.momentsOf = crossing.id;
    showPanel();
  } catch (error) {
    if (error.status !== 409) showError(error);
  }
}

/** Have the next clip ready before the answer. */
function prepareNext() {
  const next = nextToAnswer();
  viewer.later = [];
  if (!next) return;
  const { stride } = viewer;
  for (let frame = next.clip_first; frame <= next.clip_last && viewer.later.length < N_LATER; frame += stride) {
    viewer.later.push(frame);
  }
  viewer.boxes.want(next.clip_first, next.clip_last);
  fetchMoments(next)
    .then((moments) => crops.want([...crops.queue, ...listCrops(moments)]))
    .catch(() => {});
}

/** Return the crossing that an answer of this moment is about, with its revision. */
function getAsked() {
  const isNew = performance.now() - page.changedAt < REACTION_MS;
  return isNew ? page.before : { crossing: page.current, revision: page.revision };
}

function answer(given) {
  if (!page.current || page.isFree || page.state.reader_note !== null) return;
  const { crossing, revision } = getAsked();
  // The next key is for what is shown from now on.
  page.changedAt = -Infinity;
  const sent = send("api/answers", { crossing: crossing.id, answer: given, revision });
  page.pending.set(crossing.id, given);
  // The next clip is there at once; if the answer is refused, the page says so.
  crossing.answer = given;
  const [one, other] = crossing.identities.map((id) => page.names.get(id) ?? id);
  say(`${one} and ${other}: ${given}.`);
  const next = nextToAnswer();
  if (next) choose(next);
  else {
    say("All crossings are looked at.");
    showPanel();
  }
  correct(sent, crossing.id);
}

// ---- corrections ------------------------------------------------------------------------------

/** Send a correction after those before it, so that undo never takes another one. */
function send(path, content) {
  const sent = page.sending.then(() => post(path, content));
  page.sending = sent.catch(() => {});
  return sent;
}

/** Await a correction, then show what has changed. */
async function correct(sent, answered = null) {
  try {
    const done = await sent;
    hideError();
    say(`Stored: ${done.text}.`);
  } catch (error) {
    page.pending.delete(answered);
    showError(error);
  }
  await refresh();
  page.pending.delete(answered);
}

/** Undo a line, or the last correction; a crossing whose answer that was is the question again. */
async function undo(line = null) {
  const sent = send("api/undo", line === null ? {} : { line });
  await correct(sent);
  const { crossing } = await sent.catch(() => ({ crossing: null }));
  if (line !== null || !crossing) return;
  // What is no longer listed comes back when identities were computed again.
  page.undone = find(crossing.id) ? null : crossing;
  if (!page.undone) showAgain(find(crossing.id));
}

function showAgain(crossing) {
  if (!page.isFree) choose(crossing, true);
  else {
    page.current = crossing;
    showPanel();
  }
}

function redo() { return correct(send("api/redo", {})); }

function showError(error) {
  const box = $("alert");
  const texts = new Map(page.corrections.map((correction) => [correction.line, correction.text]));
  // One of the lines is the correction that was refused: it is not in the log.
  const offers = (error.lines ?? []).filter((line) => texts.has(line)).map((line) => make("button", {
    onclick: () => undo(line),
  }, `Undo line ${line}: ${texts.get(line)}`));
  box.replaceChildren(error.message, ...offers, make("button", { onclick: hideError }, "Close"));
  box.hidden = false;
}

function hideError() { $("alert").hidden = true; }
function say(text) { $("live").textContent = text; }

// ---- free mode --------------------------------------------------------------------------------

function goTo(frame) {
  page.isFree = true;
  viewer.clip = null;
  viewer.show(frame);
  timeline.reveal(frame);
  setAddress();
  showPanel();
}

function step(by) {
  viewer.step(by);
  const { clip } = viewer;
  if (clip && (viewer.frame < clip.first || viewer.frame > clip.last)) goTo(viewer.frame);
}

function setAddress() {
  const hash = page.isFree ? `#frame=${viewer.frame}` : `#crossing=${page.current.id}`;
  history.replaceState(null, "", location.pathname + hash);
}

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const crossing = find(given.get("crossing"));
  if (given.has("frame") && Number.isFinite(Number(given.get("frame")))) {
    page.current = nextToAnswer();
    goTo(Number(given.get("frame")));
  } else choose(crossing ?? nextToAnswer() ?? page.crossings[0]);
}

function showFrame(frame) {
  timeline.setFrame(frame);
  editor.follow(frame);
  const { first_video_frame: first, frame_step: every } = page.state;
  if (document.activeElement !== $("frame")) $("frame").value = String(frame);
  const number = every === 1 && first === 0 ? "" : ` (frame ${first + every * frame} of the video)`;
  const time = viewer.boxes.getTime(frame) ?? timeline.toTime(frame);
  $("time").textContent = formatTime(time) + number;
  const label = viewer.isPlaying ? "Pause" : "Play";
  if ($("play").textContent !== label) $("play").textContent = label;
}

// ---- keys -------------------------------------------------------------------------------------

const KEYS = {
  1: () => answer("right"), 2: () => answer("swapped"), 3: () => answer("unsure"),
  " ": () => viewer.toggle(), n: () => turn(1), p: () => turn(-1),
  ",": () => step(-1), ".": () => step(1), z: () => undo(), y: () => redo(),
  c: () => page.current && choose(page.current), b: () => editor.selectNext(),
  d: () => editor.setDrawing(!editor.isDrawing), g: () => $("frame").select(),
  "-": () => changeSpeed(-1), "+": () => changeSpeed(1), "=": () => changeSpeed(1),
  "?": () => $("help").showModal(),
  Enter: () => editor.isDrawing && $("animal").focus(),
  Escape: () => { editor.setDrawing(false); editor.select(null); hideError(); },
};

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open || !page.state) return;
  const { target } = event;
  const isText = target.matches("input, select, textarea");
  if (isText && event.key === "Escape") target.blur();
  // A button that has the focus keeps the keys that press it.
  if (isText || ([" ", "Enter"].includes(event.key) && target.matches("button, summary"))) return;
  if (editor.nudge(event.key, event.shiftKey)) {
    event.preventDefault();
    return;
  }
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function changeSpeed(by) {
  const place = SPEEDS.indexOf($("speed").value) + by;
  if (place < 0 || place >= SPEEDS.length) return;
  $("speed").value = SPEEDS[place];
  viewer.speed = Number(SPEEDS[place]);
}

function listen() {
  document.addEventListener("keydown", press);
  buttons.forEach((button) => button.addEventListener("click", () => answer(button.dataset.answer)));
  const clicks = {
    play: () => viewer.toggle(), "step-back": () => step(-1), "step-forward": () => step(1),
    next: () => turn(1), previous: () => turn(-1), undo: () => undo(), redo: () => redo(),
    "open-help": () => $("help").showModal(), "back-to-crossing": () => choose(page.current),
  };
  for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", act);
  $("speed").addEventListener("change", (event) => {
    viewer.speed = Number(event.target.value);
    // The keys work again at once.
    event.target.blur();
  });
  $("frame").addEventListener("change", (event) => goTo(Number(event.target.value) || 0));
  $("frame").addEventListener("keydown", (event) => event.key === "Enter" && event.target.blur());
  for (const id of ["pair", "zone"]) {
    $(id).addEventListener("change", (event) => { event.target.blur(); showPanel(); });
  }
  $("min-duration").addEventListener("change", showPanel);
  viewer.onFrame = showFrame;
  crops.onLoad = () => fillCrops($("crops"), crops);
  viewer.boxes.onError = showError;
  timeline.onGo = goTo;
  timeline.onCrossing = (id) => choose(find(id));
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
}

// ---- start ------------------------------------------------------------------------------------

/** Load the state again; one after the other, so that an older state never replaces a newer. */
function refresh() {
  const isRunning = page.refreshing !== null;
  page.mustRefresh = true;
  if (!isRunning) page.refreshing = refreshUntilDone();
  return page.refreshing;
}

async function refreshUntilDone() {
  while (page.mustRefresh) {
    page.mustRefresh = false;
    try {
      await loadState();
    } catch (error) {
      showError(error);
    }
  }
  page.refreshing = null;
}

async function poll() {
  if (!document.hidden) await refresh();
  setTimeout(poll, page.state?.is_solving ? POLL_WHILE_SOLVING_MS : POLL_MS);
}

async function start() {
  // The token is in a cookie now; in the address it would be copied by accident.
  history.replaceState(null, "", location.pathname + location.hash);
  listen();
  try {
    await loadState();
    readAddress();
    document.body.dataset.ready = "true";
  } catch (error) {
    showError(error);
  }
  setTimeout(poll, POLL_MS);
}

start();
