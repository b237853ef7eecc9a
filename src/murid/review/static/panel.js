// The panel beside the video: the question with crops of both animals, the list, the log.

import { getPath } from "./crops.js";
import { getColour, getDash } from "./palette.js";
import { formatTime } from "./timeline.js";

const ANSWERS = { right: "right", swapped: "swapped", unsure: "unsure" };
const MARKS = { right: "✓", swapped: "⇄", unsure: "?" };

/** Return a new element with attributes, and with text or children. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Return the name of an animal with a patch of its colour. */
export function makeAnimal(identity, names) {
  const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
  swatch.style.background = getColour(identity);
  return make("span", { class: "animal" }, swatch, names.get(identity) ?? String(identity));
}

/** Show the question of a crossing. */
export function showQuestion(elements, crossing, names, times) {
  const { title, text, buttons } = elements;
  if (!crossing) {
    title.textContent = "No crossing to look at";
    text.textContent = "Click the timeline to go anywhere, or a box to correct it.";
    buttons.forEach((button) => { button.disabled = true; });
    return;
  }
  const [one, other] = crossing.identities;
  title.textContent = `Crossing at ${formatTime(times(crossing.first_frame), 0.1)}`;
  text.replaceChildren(
    "Does each of ", makeAnimal(one, names), " and ", makeAnimal(other, names), " keep its colour? ",
    make("br"), `Swap probability ${formatPercent(crossing.swap_probability)}`,
    crossing.priority_s > 0 ? `, expected wrong time ${formatDuration(crossing.priority_s)}` : "",
  );
  buttons.forEach((button) => {
    const isChosen = button.dataset.answer === crossing.answer;
    button.disabled = false;
    button.classList.toggle("chosen", isChosen);
    button.setAttribute("aria-pressed", String(isChosen));
  });
}

/** Show crops of both animals before and after a crossing. */
export function showCrops(container, crossing, moments, names, crops, onGo) {
  const key = JSON.stringify([crossing?.id, moments?.revision, [...names]]);
  // Only what is new: whoever has the focus on a crop keeps it.
  if (container.dataset.key === key) return;
  container.dataset.key = key;
  container.replaceChildren();
  if (!crossing || !moments) return;
  container.append(make("div", { class: "crop-row head" }, make("span", {}, "before"), "", make("span", {}, "after")));
  crossing.identities.forEach((identity, k) => {
    const row = make("div", { class: "crop-row", role: "group", "aria-label": `Images of ${names.get(identity) ?? identity}` });
    for (const side of ["before", "after"]) {
      if (side === "after") row.append(make("span"));
      for (let place = 0; place < 3; place += 1) {
        row.append(makeCrop(moments[side][place], k, identity, side, names, onGo));
      }
    }
    container.append(row);
  });
  fillCrops(container, crops);
}

/** Put the images that have come into their places. */
export function fillCrops(container, crops) {
  for (const image of container.querySelectorAll("img")) {
    const url = crops.get(image.dataset.path);
    if (url && !image.src) image.src = url;
  }
}

function makeCrop(moment, k, identity, side, names, onGo) {
  if (!moment) return make("span", { class: "crop none", "aria-hidden": "true" });
  const label = `${names.get(identity) ?? identity} ${side} the crossing, frame ${moment.frame}`;
  const image = make("img", { "data-path": getPath(moment, k), alt: label });
  const crop = make("button", { class: "crop", title: label, onclick: () => onGo(moment.frame) }, image);
  crop.style.borderColor = getColour(identity);
  crop.style.borderStyle = getDash(identity).length ? "dashed" : "solid";
  return crop;
}

/** Show the list of crossings; a row is made again only if it changed: a day has thousands. */
export function showList(list, crossings, current, names, times, onChoose) {
  const known = new Map([...list.children].map((row) => [row.dataset.key, row]));
  const rows = crossings.map((crossing) => {
    const [one, other] = crossing.identities;
    const isCurrent = crossing.id === current;
    const key = [crossing.id, crossing.answer, crossing.swap_probability, isCurrent, names.get(one), names.get(other)].join(" ");
    if (known.has(key)) return known.get(key);
    const state = crossing.answer ? `looked at: ${ANSWERS[crossing.answer]}` : "to look at";
    const button = make("button", {
      "aria-current": isCurrent ? "true" : undefined, "data-crossing": crossing.id, title: state,
      onclick: () => onChoose(crossing.id),
    },
    make("span", { "aria-hidden": "true" }, crossing.answer ? MARKS[crossing.answer] : "•"),
    make("span", {}, makeAnimal(one, names), " ", makeAnimal(other, names), make("span", { class: "visually-hidden" }, `, ${state}`)),
    make("span", { class: "when" }, formatTime(times(crossing.first_frame), 0.1)),
    make("span", { class: "how" }, formatPercent(crossing.swap_probability)));
    return make("li", { "data-key": key }, button);
  });
  if (rows.length !== list.children.length || rows.some((row, k) => row !== list.children[k])) list.replaceChildren(...rows);
  // Only within the list: the page must not move.
  const chosen = list.querySelector("[aria-current]");
  if (chosen) list.scrollTop = chosen.offsetTop - list.offsetTop - list.clientHeight / 2;
}

/** Show the log of corrections, the last one first. */
export function showLog(list, corrections, onGo, onUndo) {
  list.replaceChildren(...[...corrections].reverse().map((correction) => make("li", {},
    make("button", {
      class: "goto", title: `line ${correction.line}, ${correction.author}, ${correction.time_utc}`,
      onclick: () => correction.frame !== null && onGo(correction.frame),
    }, correction.text),
    make("button", { "aria-label": `Undo line ${correction.line}: ${correction.text}`, onclick: () => onUndo(correction.line) }, "Undo"))));
}

/** Return a probability such as 12 % or 0.4 %. */
export function formatPercent(value) {
  const percent = 100 * value;
  return `${percent >= 10 || percent === 0 ? percent.toFixed(0) : percent.toFixed(1)} %`;
}

/** Return a duration in words. */
export function formatDuration(seconds) {
  if (seconds >= 7200) return `${(seconds / 3600).toFixed(1)} h`;
  if (seconds >= 120) return `${(seconds / 60).toFixed(0)} min`;
  return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
}
