// The JSON API as promises: an answer, or a `Problem` that says what went wrong.

/** @import {FieldError} from './types.js' */

const TIMEOUT = 20_000;
/** What only asks can be asked again, over a connection that is not dead: browsers keep such for long. */
const BEGUN_WITHIN = 8_000;

/** How far the server's clock is ahead of this one, in milliseconds; second precision. */
let clockOffset = 0;

/** The present by the server's clock, for the deadlines it names. */
export const serverNow = () => Date.now() + clockOffset;

/** What the server, or the network, had against a request. */
export class Problem extends Error {
  /**
   * @param {number} status 0 when no answer came
   * @param {string} code stable name of the problem; `network` when no answer came
   * @param {string} detail
   * @param {FieldError[]} [errors]
   * @param {number} [retryAfter] seconds
   * @param {Record<string, any>} [extra] the whole problem document
   */
  constructor(status, code, detail, errors = [], retryAfter = 0, extra = {}) {
    super(detail);
    this.status = status;
    this.code = code;
    this.errors = errors;
    this.retryAfter = retryAfter;
    this.extra = extra;
  }

  /** Whether the same request may succeed later without anybody changing it. */
  get temporary() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body] sent as JSON, or a file as it is
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} the parsed answer, `null` when there is none
 * @throws {Problem}
 */
export async function call(method, path, body, signal) {
  const late = new AbortController();
  const giveUp = () => late.abort();
  let timer = setTimeout(giveUp, method === 'GET' ? BEGUN_WITHIN : TIMEOUT);
  const headers = /** @type {Record<string, string>} */ ({ accept: 'application/json' });
  if (body !== undefined) headers['content-type'] = body instanceof Blob ? body.type : 'application/json';
  let response;
  let text;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
      cache: 'no-store',
      keepalive: method === 'DELETE', // what is deleted on leaving the page is deleted
      signal: signal ? either(signal, late.signal) : late.signal,
    });
    clearTimeout(timer);
    timer = setTimeout(giveUp, TIMEOUT);
    text = await response.text();
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new Problem(0, 'network', 'The server can’t be reached. Check your connection and try again.');
  } finally {
    clearTimeout(timer);
  }
  const date = Date.parse(response.headers.get('date') ?? '');
  if (date) clockOffset = Math.abs(date - Date.now()) < 2_000 ? 0 : date - Date.now();
  const answer = parse(text);
  if (response.ok) return answer;
  const said = answer ?? {};
  throw new Problem(
    response.status,
    said.code ?? 'unknown',
    said.detail ?? said.title ?? 'Something went wrong. Please try again.',
    said.errors ?? [],
    Number(response.headers.get('retry-after')) || 0,
    said,
  );
}

/**
 * `AbortSignal.any` for browsers that lack it.
 * @param {AbortSignal} one
 * @param {AbortSignal} other
 */
function either(one, other) {
  const both = new AbortController();
  for (const signal of [one, other]) {
    if (signal.aborted) both.abort(signal.reason);
    signal.addEventListener('abort', () => both.abort(signal.reason), { once: true });
  }
  return both.signal;
}

/** @param {string} text */
function parse(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null; // a proxy's html page, most likely
  }
}
