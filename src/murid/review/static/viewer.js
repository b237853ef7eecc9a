// The video: draws a frame with boxes, names and trails, and plays frames by their times.

import { Boxes } from "./boxes.js";
import { Images } from "./images.js";
import { getColour, getDash } from "./palette.js";
import { makeRedraw } from "./redraw.js";

const TRAIL_S = 1;
const N_AHEAD = 12;
// Pauses of a recording are not waited for.
const MAX_WAIT_S = 0.5;
const MAX_SHOWN_FPS = 32;

export class Viewer {
  constructor(canvas, note) {
    this.requestDraw = makeRedraw(() => this.draw());
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.note = note;
    this.images = new Images();
    this.boxes = new Boxes();
    this.frame = 0;
    this.clip = null;
    this.pair = [];
    this.names = new Map();
    this.selected = null;
    this.drawn = null;
    this.isPlaying = false;
    this.speed = 0.5;
    this.later = [];
    this.onFrame = () => {};
    this.images.onLoad = () => this.requestDraw();
    this.boxes.onLoad = () => this.requestDraw();
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.due = 0;
    this.tick = this.tick.bind(this);
  }

  /** Tell the viewer about the recording, once. */
  setRecording(state) {
    this.recording = state;
    this.resize();
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.canvas;
    this.canvas.width = Math.max(1, Math.round(clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(clientHeight * ratio));
    if (!this.recording) return;
    const { width, height, pixel_aspect: aspect } = this.recording;
    this.scaleY = Math.min(this.canvas.width / (width * aspect), this.canvas.height / height);
    this.scaleX = this.scaleY * aspect;
    this.left = (this.canvas.width - width * this.scaleX) / 2;
    this.top = (this.canvas.height - height * this.scaleY) / 2;
    // In steps, so that a window that is drawn larger does not fetch everything again each time.
    const wanted = Math.ceil((width * this.scaleX) / 320) * 320;
    this.images.setWidth(wanted >= width ? 0 : wanted);
    this.requestDraw();
  }

  /** Show one frame, and stop. */
  show(frame) {
    this.pause();
    this.frame = this.limit(frame);
    this.fetch();
    this.onFrame(this.frame);
    this.requestDraw();
  }

  /** Loop from one frame to another. */
  loop(first, last) {
    this.clip = { first, last };
    this.frame = first;
    this.play();
  }

  limit(frame) { return Math.min(Math.max(Math.round(frame), 0), this.recording.n_frames - 1); }

  play() {
    if (!this.isPlaying) {
      this.isPlaying = true;
      this.due = performance.now();
      requestAnimationFrame(this.tick);
    }
    this.fetch();
    this.onFrame(this.frame);
    this.requestDraw();
  }

  pause() {
    this.isPlaying = false;
    this.onFrame(this.frame);
  }

  toggle() { this.isPlaying ? this.pause() : this.play(); }

  step(by) { this.show(this.frame + by); }

  /** Frames from one that is shown to the next: more than one in fast recordings. */
  get stride() { return Math.max(1, Math.round((this.recording.fps * this.speed) / MAX_SHOWN_FPS)); }

  getFollowing(frame) {
    const next = frame + this.stride;
    if (this.clip) return next > this.clip.last || frame < this.clip.first ? this.clip.first : next;
    return Math.min(next, this.recording.n_frames - 1);
  }

  /** Fetch what is shown next; what the page wants for later comes after it. */
  fetch() {
    const frames = [this.frame];
    let frame = this.frame;
    const nAhead = this.isPlaying ? N_AHEAD : 3;
    for (let k = 0; k < nAhead; k += 1) {
      frame = this.isPlaying ? this.getFollowing(frame) : this.limit(frame + 1);
      frames.push(frame);
    }
    if (!this.isPlaying) frames.push(this.limit(this.frame - 1));
    const isReady = frames.every((k) => this.images.has(k));
    this.images.want(frames, isReady || !this.isPlaying ? this.later : []);
    const trail = Math.ceil(this.recording.fps * TRAIL_S);
    this.boxes.want(this.frame - trail, this.frame + 2 * trail);
  }

  tick(now) {
    if (!this.isPlaying) return;
    if (now >= this.due) {
      const next = this.getFollowing(this.frame);
      const isReady = this.images.get(next) !== undefined && this.boxes.get(next) !== undefined;
      if (isReady || this.images.getFailure(next)) {
        const interval = (this.boxes.getTime(next) ?? 0) - (this.boxes.getTime(this.frame) ?? 0);
        const wait = interval > 0 ? Math.min(interval, MAX_WAIT_S) : MAX_WAIT_S;
        this.due = Math.max(this.due + (1000 * wait) / this.speed, now - 50);
        this.frame = next;
        this.onFrame(next);
        this.draw();
      } else {
        this.due = now;
      }
      this.fetch();
      if (next === this.frame && !this.clip && this.frame === this.recording.n_frames - 1) this.pause();
    }
    requestAnimationFrame(this.tick);
  }

  draw() {
    if (!this.recording) return;
    const { context, canvas } = this;
    const image = this.images.get(this.frame);
    const failure = this.images.getFailure(this.frame);
    if (image !== undefined || failure !== undefined || !this.hasPicture) {
      context.fillStyle = "#000";
      context.fillRect(0, 0, canvas.width, canvas.height);
    }
    // The index of a day takes a while.
    const isWaiting = failure === undefined && image === undefined && !this.hasPicture;
    this.note.hidden = failure === undefined && !isWaiting;
    this.note.classList.toggle("waiting", isWaiting);
    const text = isWaiting ? "Opening the video …" : failure ?? "";
    if (this.note.textContent !== text) this.note.textContent = text;
    if (image) {
      const { width, height } = this.recording;
      context.drawImage(image, this.left, this.top, width * this.scaleX, height * this.scaleY);
      this.hasPicture = true;
      canvas.dataset.frame = this.frame;
    } else if (failure === undefined && this.hasPicture) {
      // Until the image is there, the one before stays, without boxes that do not belong to it.
      this.fetch();
      return;
    }
    const boxes = this.boxes.get(this.frame);
    if (boxes === undefined) {
      this.boxes.want(this.frame, this.frame);
      return;
    }
    this.drawTrails();
    // What the person looks at is drawn over the rest.
    const rank = (box) => (this.isSelected(box) ? 2 : Number(box.identity > 0 && this.isOfPair(box)));
    [...boxes].sort((a, b) => rank(a) - rank(b)).forEach((box) => this.drawBox(box));
    if (this.drawn) this.strokeBox(this.drawn, "#fff", [6, 4], 2);
  }

  toCanvas(x, y) { return [this.left + x * this.scaleX, this.top + y * this.scaleY]; }

  /** Return the place in the image of a place on the screen. */
  toImage(clientX, clientY) {
    const frame = this.canvas.getBoundingClientRect();
    const ratio = this.canvas.width / frame.width;
    return [
      ((clientX - frame.left) * ratio - this.left) / this.scaleX,
      ((clientY - frame.top) * ratio - this.top) / this.scaleY,
    ];
  }

  drawTrails() {
    const { context } = this;
    const now = this.boxes.getTime(this.frame);
    const last = new Map();
    context.lineCap = "round";
    context.setLineDash([]);
    const first = Math.max(0, this.frame - Math.ceil(this.recording.fps * TRAIL_S));
    for (let frame = first; frame <= this.frame; frame += 1) {
      const boxes = this.boxes.get(frame);
      const time = this.boxes.getTime(frame);
      if (!boxes || now - time > TRAIL_S) continue;
      for (const box of boxes) {
        if (box.identity === 0) continue;
        const point = this.toCanvas((box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2);
        const before = last.get(box.identity);
        last.set(box.identity, point);
        if (!before) continue;
        const strength = 1 - (now - time) / TRAIL_S;
        context.globalAlpha = (this.isOfPair(box) ? 0.9 : 0.35) * strength;
        context.strokeStyle = getColour(box.identity);
        context.lineWidth = this.unit * (1 + 2 * strength);
        context.beginPath();
        context.moveTo(...before);
        context.lineTo(...point);
        context.stroke();
      }
    }
    context.globalAlpha = 1;
  }

  get unit() { return window.devicePixelRatio || 1; }

  isOfPair(box) { return this.pair.length === 0 || this.pair.includes(box.identity); }

  isSelected(box) {
    const chosen = this.selected;
    return chosen !== null && chosen.frame === this.frame
      && chosen.identity === box.identity && chosen.row === box.row;
  }

  drawBox(box) {
    const isChosen = this.isSelected(box);
    const isStrong = isChosen || (box.identity > 0 && this.isOfPair(box));
    const isInterpolated = box.row < 0;
    const width = isChosen ? 4 : isInterpolated ? 1.2 : isStrong ? 3 : 1.5;
    this.context.globalAlpha = isStrong ? 1 : 0.55;
    if (!isInterpolated) this.strokeBox(box, "#000", [], width + 2.5);
    const dash = isInterpolated ? [2, 3] : getDash(box.identity);
    this.strokeBox(box, isChosen ? "#fff" : getColour(box.identity), dash, width);
    if (box.identity > 0) this.drawLabel(box, isStrong, isInterpolated);
    this.context.globalAlpha = 1;
  }

  strokeBox(box, colour, dash, width) {
    const { context } = this;
    const [left, top] = this.toCanvas(box.x1, box.y1);
    const [right, bottom] = this.toCanvas(box.x2, box.y2);
    context.strokeStyle = colour;
    context.lineWidth = width * this.unit;
    context.setLineDash(dash.map((length) => length * this.unit));
    context.strokeRect(left, top, right - left, bottom - top);
    context.setLineDash([]);
  }

  drawLabel(box, isStrong, isInterpolated) {
    const { context } = this;
    const name = this.names.get(box.identity) ?? String(box.identity);
    const text = isInterpolated ? `(${name})` : name;
    const size = (isStrong ? 14 : 11) * this.unit;
    context.font = `600 ${size}px system-ui, sans-serif`;
    const width = context.measureText(text).width + 8 * this.unit;
    const height = size * 1.35;
    const [left, top] = this.toCanvas(box.x1, box.y1);
    const [, bottom] = this.toCanvas(box.x2, box.y2);
    const x = Math.min(Math.max(left, 0), this.canvas.width - width);
    const y = top - height >= 0 ? top - height : bottom;
    context.fillStyle = getColour(box.identity);
    context.fillRect(x, y, width, height);
    context.fillStyle = "#000";
    context.textBaseline = "middle";
    context.fillText(text, x + 4 * this.unit, y + height / 2);
  }
}
