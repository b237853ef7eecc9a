// Crops of animals: fetched one by one, so that answers and frames never wait for them.

import { getBlob } from "./api.js";

const MAX_KEPT = 200;

export class Crops {
  constructor() {
    this.urls = new Map();
    this.queue = [];
    this.isFetching = false;
    this.onLoad = () => {};
  }

  /** Return the address of a crop for an image, or undefined until it is there. */
  get(path) { return this.urls.get(path); }

  /** Fetch crops, in this order, and before all others that wait. */
  want(paths) {
    const missing = paths.filter((path) => !this.urls.has(path));
    this.queue = [...missing, ...this.queue.filter((path) => !missing.includes(path))];
    this.fetchNext();
  }

  async fetchNext() {
    if (this.isFetching || !this.queue.length) return;
    this.isFetching = true;
    const path = this.queue.shift();
    try {
      this.urls.set(path, URL.createObjectURL(await getBlob(path)));
      this.forgetOldest();
      this.onLoad(path);
    } catch {
      // A frame that cannot be decoded has no crop.
    }
    this.isFetching = false;
    this.fetchNext();
  }

  forgetOldest() {
    for (const [path, url] of this.urls) {
      if (this.urls.size <= MAX_KEPT) return;
      URL.revokeObjectURL(url);
      this.urls.delete(path);
    }
  }
}

/** Return the paths of all crops of a crossing, in order of time. */
export function listCrops(moments) {
  return [...moments.before, ...moments.after].flatMap((moment) => moment.boxes.map((_, k) => getPath(moment, k)));
}

/** Return the path of the crop of one of both animals. */
export function getPath(moment, k) { return `api/crops/${moment.frame}?box=${moment.boxes[k].join(",")}`; }
