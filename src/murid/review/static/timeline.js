// The timeline: a row for each animal, crossings and corrections above, from a day to one frame.

import { getJson } from "./api.js";
import { getColour } from "./palette.js";
import { makeRedraw } from "./redraw.js";

const TILE_BINS = 256;
const MAX_TILES = 400;
const HEAD = 30;
const AXIS = 18;
const LABEL = 74;
const MIN_SPAN = 20;

export class Timeline {
  constructor(canvas) {
    this.requestDraw = makeRedraw(() => this.draw());
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.tiles = new Map();
    this.animals = [];
    this.crossings = [];
    this.flags = [];
    this.current = null;
    this.frame = 0;
    this.generation = 0;
    this.onGo = () => {};
    this.onCrossing = () => {};
    new ResizeObserver(() => this.resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.requestDraw());
    this.listen();
  }

  setRecording(state) {
    const isNew = this.nFrames === undefined;
    this.nFrames = state.n_frames;
    this.samples = state.times_s;
    this.animals = [...state.animals].sort((a, b) => a.id - b.id);
    const height = HEAD + AXIS + this.animals.length * this.rowHeight;
    this.canvas.style.height = `${height}px`;
    if (isNew) this.setView(0, this.nFrames);
    this.canvas.setAttribute("aria-valuemax", String(this.nFrames - 1));
    this.resize();
  }

  get rowHeight() { return this.animals.length > 8 ? 11 : 15; }

  /** Forget what was drawn: identities were computed again. */
  clear() {
    this.generation += 1;
    this.tiles.clear();
    this.requestDraw();
  }

  setFrame(frame) {
    if (frame === this.frame) return;
    this.frame = frame;
    this.canvas.setAttribute("aria-valuenow", String(frame));
    this.canvas.setAttribute("aria-valuetext", `frame ${frame}, ${formatTime(this.toTime(frame))}`);
    this.requestDraw();
  }

  setView(first, span) {
    this.span = Math.min(Math.max(span, Math.min(MIN_SPAN, this.nFrames)), this.nFrames);
    this.first = Math.min(Math.max(first, 0), this.nFrames - this.span);
    this.requestDraw();
  }

  /** Move the view so that a frame is in it. */
  reveal(frame) {
    if (frame < this.first || frame > this.first + this.span) this.setView(frame - this.span / 2, this.span);
  }

  zoom(factor, frame) {
    const share = (frame - this.first) / this.span;
    const span = Math.min(Math.max(this.span * factor, MIN_SPAN), this.nFrames);
    this.setView(frame - share * span, span);
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    this.requestDraw();
  }

  get width() { return Math.max(1, this.canvas.clientWidth - LABEL - 8); }
  toX(frame) { return LABEL + ((frame - this.first) / this.span) * this.width; }
  toFrame(x) { return this.first + ((x - LABEL) / this.width) * this.span; }

  /** Return the time of a frame, between samples that the server gave. */
  toTime(frame) { return interpolate(this.samples ?? [], frame, 0, 1); }
  fromTime(time) { return interpolate(this.samples ?? [], time, 1, 0); }

  listen() {
    const { canvas } = this;
    let drag = null;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        this.setView(this.first + (event.deltaX / this.width) * this.span, this.span);
      } else {
        this.zoom(Math.exp(event.deltaY / 400), this.toFrame(event.offsetX));
      }
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      drag = { x: event.offsetX, first: this.first, hasMoved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const moved = event.offsetX - drag.x;
      if (Math.abs(moved) > 4) drag.hasMoved = true;
      if (drag.hasMoved) this.setView(drag.first - (moved / this.width) * this.span, this.span);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (drag && !drag.hasMoved) this.click(event.offsetX, event.offsetY);
      drag = null;
    });
    canvas.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    const moves = { ArrowLeft: -0.1, ArrowRight: 0.1, PageUp: -1, PageDown: 1 };
    if (event.key in moves) {
      const frame = Math.min(Math.max(this.frame + moves[event.key] * this.span, 0), this.nFrames - 1);
      this.onGo(Math.round(frame));
    } else if (event.key === "Home") this.onGo(0);
    else if (event.key === "End") this.onGo(this.nFrames - 1);
    else if (event.key === "+" || event.key === "=") this.zoom(0.5, this.frame);
    else if (event.key === "-") this.zoom(2, this.frame);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  click(x, y) {
    const near = this.crossings
      .filter((crossing) => Math.abs(this.toX(crossing.first_frame) - x) < 6)
      .sort((a, b) => Math.abs(this.toX(a.first_frame) - x) - Math.abs(this.toX(b.first_frame) - x));
    if (y < HEAD && near.length) this.onCrossing(near[0].id);
    else this.onGo(Math.round(Math.min(Math.max(this.toFrame(x), 0), this.nFrames - 1)));
  }

  draw() {
    if (!this.nFrames) return;
    const { context, canvas } = this;
    const ratio = canvas.width / Math.max(1, canvas.clientWidth);
    const style = getComputedStyle(canvas);
    this.ink = style.getPropertyValue("--ink");
    this.soft = style.getPropertyValue("--soft");
    this.line = style.getPropertyValue("--line");
    this.accent = style.getPropertyValue("--accent");
    this.track = style.getPropertyValue("--track");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    this.drawAxis();
    this.animals.forEach((animal, k) => this.drawLabel(animal, k));
    context.save();
    context.beginPath();
    context.rect(LABEL - 6, 0, this.width + 14, canvas.clientHeight);
    context.clip();
    this.animals.forEach((_, k) => {
      context.fillStyle = this.track;
      context.fillRect(this.toX(0), this.rowTop(k), this.toX(this.nFrames) - this.toX(0), this.rowHeight - 3);
    });
    this.drawTiles();
    this.drawCrossings();
    this.drawFlags();
    this.drawPlayhead();
    context.restore();
  }

  rowTop(k) { return HEAD + k * this.rowHeight; }

  drawLabel(animal, k) {
    const { context } = this;
    const middle = this.rowTop(k) + (this.rowHeight - 3) / 2;
    context.fillStyle = getColour(animal.id);
    context.fillRect(4, middle - 4, 8, 8);
    context.fillStyle = this.ink;
    context.font = `${this.rowHeight > 12 ? 12 : 10}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    context.textAlign = "left";
    context.fillText(shorten(context, animal.name, LABEL - 24), 16, middle);
  }

  drawTiles() {
    const level = Math.max(0, Math.floor(Math.log2(this.span / this.width / 0.75)));
    const tileFrames = TILE_BINS * 2 ** level;
    const last = Math.floor((this.first + this.span - 1e-6) / tileFrames);
    for (let k = Math.floor(this.first / tileFrames); k <= last; k += 1) {
      const tile = this.getTile(level, k) ?? this.findCoarser(level, k);
      if (tile) this.drawTile(tile, k * tileFrames, (k + 1) * tileFrames);
    }
  }

  /** Return a tile; undefined while it is fetched. */
  getTile(level, k) {
    const key = `${level}/${k}`;
    const tile = this.tiles.get(key);
    if (tile === undefined) this.fetch(key);
    return tile === "pending" ? undefined : tile;
  }

  findCoarser(level, k) {
    for (let up = 1; up < 12; up += 1) {
      const tile = this.tiles.get(`${level + up}/${k >> up}`);
      if (tile && tile !== "pending") return tile;
    }
    return undefined;
  }

  async fetch(key) {
    const { generation } = this;
    this.tiles.set(key, "pending");
    try {
      const tile = await getJson(`api/timeline/${key}`);
      if (generation !== this.generation) return;
      this.tiles.set(key, tile);
      if (!tile.is_complete) setTimeout(() => this.refetch(key, generation), 700);
      for (const oldest of this.tiles.keys()) {
        if (this.tiles.size <= MAX_TILES) break;
        this.tiles.delete(oldest);
      }
      this.requestDraw();
    } catch {
      setTimeout(() => {
        if (generation === this.generation) this.tiles.delete(key);
        this.requestDraw();
      }, 3000);
    }
  }

  async refetch(key, generation) {
    if (generation !== this.generation || !this.tiles.has(key)) return;
    try {
      const tile = await getJson(`api/timeline/${key}`);
      if (generation !== this.generation) return;
      this.tiles.set(key, tile);
      if (!tile.is_complete) setTimeout(() => this.refetch(key, generation), 700);
      this.requestDraw();
    } catch {
      // The tile that is there stays.
    }
  }

  drawTile(tile, from, to) {
    const { context } = this;
    const height = this.rowHeight - 3;
    tile.rows.forEach((row, k) => {
      context.fillStyle = getColour(row.identity);
      const top = this.rowTop(k);
      let start = 0;
      // Neighbours that look alike are drawn as one.
      for (let bin = 1; bin <= row.probabilities.length; bin += 1) {
        const isSame = bin < row.probabilities.length
          && row.probabilities[bin] === row.probabilities[start]
          && (row.interpolated[bin] > 50) === (row.interpolated[start] > 50);
        if (isSame) continue;
        const probability = row.probabilities[start];
        if (probability >= 0) {
          const x1 = this.toX(Math.max(tile.first_frame + start * tile.bin_frames, from));
          const x2 = this.toX(Math.min(tile.first_frame + bin * tile.bin_frames, to, this.nFrames));
          // From 50 % (faint) to 100 % (full), with the steps above 90 % widest.
          const doubt = Math.min((100 - probability) / 50, 1);
          context.globalAlpha = 1 - 0.82 * Math.sqrt(doubt);
          const isThin = row.interpolated[start] > 50;
          if (x2 > x1) context.fillRect(x1, isThin ? top + height / 2 - 1.5 : top, x2 - x1, isThin ? 3 : height);
        }
        start = bin;
      }
    });
    context.globalAlpha = 1;
  }

  drawCrossings() {
    const { context } = this;
    const rows = new Map(this.animals.map((animal, k) => [animal.id, k]));
    const ordered = [...this.crossings].sort((a, b) => (b.answer !== null) - (a.answer !== null)
      || a.priority_s - b.priority_s);
    for (const crossing of ordered) {
      const x1 = this.toX(crossing.first_frame);
      const x2 = Math.max(this.toX(crossing.last_frame + 1), x1 + 1);
      if (x2 < LABEL - 10 || x1 > LABEL + this.width + 10) continue;
      const isCurrent = crossing.id === this.current;
      const isDone = crossing.answer !== null;
      context.fillStyle = isDone ? this.soft : this.accent;
      context.globalAlpha = isDone ? 0.5 : 0.95;
      const size = isCurrent ? 7 : 4.5;
      context.beginPath();
      context.moveTo((x1 + x2) / 2 - size, HEAD - 3 - size * 1.6);
      context.lineTo((x1 + x2) / 2 + size, HEAD - 3 - size * 1.6);
      context.lineTo((x1 + x2) / 2, HEAD - 3);
      context.fill();
      if (!isCurrent && this.span > this.width * 6) continue;
      // At close range, the rows of both animals show how long it lasts.
      for (const identity of crossing.identities) {
        const top = this.rowTop(rows.get(identity) ?? 0);
        context.strokeStyle = this.ink;
        context.lineWidth = isCurrent ? 2 : 1;
        context.strokeRect(x1, top - 1, Math.max(x2 - x1, 2), this.rowHeight - 1);
      }
    }
    context.globalAlpha = 1;
  }

  drawFlags() {
    const { context } = this;
    for (const flag of this.flags) {
      if (flag.frame === null) continue;
      const x = this.toX(flag.frame);
      context.fillStyle = this.ink;
      context.fillRect(x - 1, 1, 1.5, HEAD - 4);
      context.fillStyle = "#d55e00";
      context.fillRect(x, 1, 8, 6);
    }
  }

  drawPlayhead() {
    const { context } = this;
    const x = this.toX(this.frame + 0.5);
    context.fillStyle = this.ink;
    context.fillRect(x - 1, 4, 2, this.rowTop(this.animals.length) - 4);
  }

  drawAxis() {
    const { context } = this;
    const top = this.rowTop(this.animals.length);
    const start = this.toTime(this.first);
    const end = this.toTime(this.first + this.span);
    const step = chooseStep((end - start) / Math.max(2, this.width / 110));
    context.fillStyle = this.soft;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.textAlign = "center";
    for (let time = Math.ceil(start / step) * step; time <= end; time += step) {
      const x = this.toX(this.fromTime(time));
      context.fillRect(x, HEAD - 2, 0.5, top - HEAD + 4);
      context.fillText(formatTime(time, step), Math.min(x, LABEL + this.width - 22), top + 9);
    }
  }
}

/** Return a time such as 1:02:03.5; decimals only where steps are below a second. */
export function formatTime(time, step = 0.01) {
  const decimals = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
  const total = Math.round(Math.abs(time) * 10 ** decimals) / 10 ** decimals;
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  const seconds = (total % 60).toFixed(decimals).padStart(decimals ? 3 + decimals : 2, "0");
  const sign = time < 0 && total > 0 ? "-" : "";
  return hours ? `${sign}${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${sign}${minutes}:${seconds}`;
}

function chooseStep(min) {
  const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200];
  return steps.find((step) => step >= min) ?? 86400;
}

function shorten(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let short = text;
  while (short && context.measureText(`${short}…`).width > width) short = short.slice(0, -1);
  return `${short}…`;
}

function interpolate(samples, value, from, to) {
  if (samples.length < 2) return samples.length ? samples[0][to] : 0;
  let low = 0;
  let high = samples.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (samples[middle][from] <= value) low = middle;
    else high = middle;
  }
  const [a, b] = [samples[low], samples[high]];
  return a[to] + ((value - a[from]) / (b[from] - a[from] || 1)) * (b[to] - a[to]);
}
