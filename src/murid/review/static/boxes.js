// Boxes and times of frames, fetched in chunks.

import { getJson } from "./api.js";

const CHUNK = 256;
const MAX_CHUNKS = 40;

/** A box as the server lists it. */
function toBox([identity, row, x1, y1, x2, y2, probability, score, merged]) {
  return { identity, row, x1, y1, x2, y2, probability, score, merged: merged === 1 };
}

export class Boxes {
  constructor() {
    this.chunks = new Map();
    this.onLoad = () => {};
    this.onError = () => {};
    this.generation = 0;
  }

  /** Forget everything: identities were computed again. */
  clear() {
    this.chunks.clear();
    this.generation += 1;
  }

  /** Return the boxes of a frame, or undefined until they are there. */
  get(frame) { return this.find(frame)?.frames[frame % CHUNK]; }

  /** Return the time of a frame in seconds, or undefined. */
  getTime(frame) { return this.find(frame)?.times[frame % CHUNK]; }

  /** Fetch what is missing between two frames. */
  want(first, last) {
    for (let k = Math.floor(Math.max(first, 0) / CHUNK); k <= Math.floor(last / CHUNK); k += 1) {
      if (!this.chunks.has(k)) this.fetch(k);
    }
  }

  find(frame) {
    const chunk = this.chunks.get(Math.floor(frame / CHUNK));
    return chunk === "pending" ? undefined : chunk;
  }

  async fetch(k) {
    const generation = this.generation;
    this.chunks.set(k, "pending");
    try {
      const content = await getJson(`api/boxes?first=${k * CHUNK}&last=${k * CHUNK + CHUNK - 1}`);
      if (generation !== this.generation) return;
      this.chunks.delete(k);
      this.chunks.set(k, {
        frames: content.frames.map((boxes) => boxes.map(toBox)),
        times: content.times_s,
      });
      for (const oldest of this.chunks.keys()) {
        if (this.chunks.size <= MAX_CHUNKS) break;
        this.chunks.delete(oldest);
      }
      this.onLoad();
    } catch (error) {
      // Not at once again: the server may be starting.
      setTimeout(() => {
        if (generation === this.generation) this.chunks.delete(k);
      }, 2000);
      this.onError(error);
    }
  }
}
