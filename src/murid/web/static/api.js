// Requests to the server. Addresses are relative, so that the page works through a tunnel.

/** An error that the server reports; `lines` are contradicting lines of the log, if any. */
export class ServerError extends Error {
  constructor(message, status, lines) {
    super(message);
    this.status = status;
    this.lines = lines ?? [];
  }
}

async function check(response) {
  if (response.ok) return response;
  let content = {};
  try {
    content = await response.json();
  } catch {
    // Not JSON: the status has to do.
  }
  throw new ServerError(
    content.error ?? `the server answered ${response.status}`, response.status, content.lines);
}

/** Return a JSON document. */
export async function getJson(path) {
  return (await check(await request(path))).json();
}

/** Return an image. */
export async function getBlob(path, signal) {
  return (await check(await request(path, { signal }))).blob();
}

/** Send a JSON document and return the answer. */
export async function post(path, content) {
  const response = await request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
    keepalive: true,
  });
  return (await check(response)).json();
}

async function request(path, options = {}) {
  try {
    return await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError("murid does not answer: start it again", 0);
  }
}
