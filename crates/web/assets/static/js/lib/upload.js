import { Problem } from './api.js';

/** Nothing has moved for so long: the connection is dead. */
const SILENCE = 60_000;
const UNREACHABLE = 'The server can’t be reached. Check your connection and try again.';

/**
 * Sends a file as it is, and tells how much of it went: `fetch` can’t.
 * @param {string} path
 * @param {File} file
 * @param {(sent: number) => void} onProgress bytes that went so far
 * @param {AbortSignal} signal
 * @returns {Promise<any>} the parsed answer; none ever once it was aborted
 * @throws {Problem}
 */
export function upload(path, file, onProgress, signal) {
  const request = new XMLHttpRequest();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let silence;
  return new Promise((resolve, reject) => {
    const fail = () => {
      reject(new Problem(0, 'network', UNREACHABLE));
      request.abort();
    };
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(fail, SILENCE);
    };
    request.open('POST', path);
    request.setRequestHeader('accept', 'application/json');
    request.setRequestHeader('content-type', file.type || 'application/octet-stream');
    request.upload.onprogress = ({ loaded }) => {
      heard();
      onProgress(loaded);
    };
    request.onload = () => {
      const answer = parse(request.responseText);
      if (request.status === 201 && answer) resolve(answer);
      else reject(new Problem(request.status, answer?.code ?? 'unknown', answer?.detail ?? 'Something went wrong. Please try again.'));
    };
    request.onerror = fail;
    request.onloadend = () => clearTimeout(silence);
    signal.addEventListener('abort', () => request.abort());
    heard();
    request.send(file);
  });
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // a proxy's html page, most likely
  }
}
