// Requests to the server: what fails for good is `Refused` with a sentence, everything else may be tried again.

import { boot } from "./boot.js";

export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

const TIMEOUT_MS = 30000;

/** POST JSON and return the answer. Throws `Refused` for a 4xx, another error where trying again makes sense. */
export async function call(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...body, language: boot.language }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (answer.ok) return answer.json();
  if (answer.status === 401) location.reload(); // the session or the cookie is gone: the page brings a new one
  const sentence = (await answer.json().catch(() => ({}))).error ?? answer.statusText;
  if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) throw new Refused(answer.status, sentence);
  throw new Error(sentence);
}

/** Ask what the server thinks of us after a stream broke: "ready", "starting", "out" or "away". */
export async function howIsIt() {
  try {
    const answer = await fetch("/api/here", { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (answer.status === 401) return "out";
    return answer.ok ? "ready" : "starting";
  } catch {
    return "away";
  }
}

/** Send one file with progress; resolves to what `post` wants. Returns {done, cancel}. */
export function upload(file, progress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.open("POST", `/api/upload?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onload = () =>
      request.status === 200
        ? resolve(request.response)
        : reject(new Refused(request.status, request.response?.error ?? request.statusText));
    request.onerror = () => reject(new Error("network"));
    request.onabort = () => reject(new DOMException("", "AbortError"));
    request.send(file);
  });
  return { done, cancel: () => request.abort() };
}
