// Chromium, spoken to by its own protocol alone. Playwright puts a world of its own into every page
// before it loads, which costs a slow processor more than drawing the list does.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOW } from '../journeys/support/browser.js';

/** A running Chromium with a new profile. */
export class Chromium {
  #asked = 0;
  /** @type {Map<number, {resolve: (answer: any) => void, reject: (problem: Error) => void}>} */
  #waiting = new Map();
  /** @type {Map<string, Page>} */
  pages = new Map();

  static async start({ width, height }) {
    const chromium = new Chromium();
    chromium.profile = await mkdtemp(join(tmpdir(), 'sotto-profile-'));
    const args = ['--headless=new', '--remote-debugging-pipe', `--user-data-dir=${chromium.profile}`, `--window-size=${width},${height}`, 'about:blank'];
    chromium.process = spawn(HOW.executablePath, [...HOW.args, ...args], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    [, , , chromium.pipe] = chromium.process.stdio;
    let rest = Buffer.alloc(0);
    chromium.process.stdio[4].on('data', (data) => {
      rest = Buffer.concat([rest, data]);
      for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
        chromium.#receive(JSON.parse(rest.subarray(0, end).toString()));
        rest = rest.subarray(end + 1);
      }
    });
    return chromium;
  }

  #receive({ id, result, error, method, params, sessionId }) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(new Error(error.message));
    else if (waiting) waiting.resolve(result);
    else this.pages.get(sessionId)?.hear(method, params);
  }

  /** @param {string} method @param {object} [params] @param {string} [sessionId] @returns {Promise<any>} */
  send(method, params = {}, sessionId) {
    const id = (this.#asked += 1);
    this.pipe.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** Somebody's own cookies and store, in memory. @param {object} cookie @returns {Promise<string>} */
  async newPerson(cookie) {
    const { browserContextId } = await this.send('Target.createBrowserContext');
    await this.send('Storage.setCookies', { cookies: [cookie], browserContextId });
    return browserContextId;
  }

  /** A tab with nothing in it, of a person or of the profile. @param {string} [browserContextId] @returns {Promise<Page>} */
  async newPage(browserContextId) {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, targetId, sessionId);
    this.pages.set(sessionId, page);
    return page;
  }

  async stop() {
    this.process.kill();
    if (this.process.exitCode === null) await once(this.process, 'exit');
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A tab. */
export class Page {
  /** @type {Map<string, (params: any) => void>} */
  #listeners = new Map();

  /** @param {Chromium} chromium @param {string} target @param {string} session */
  constructor(chromium, target, session) {
    Object.assign(this, { chromium, target, session });
  }

  /** @param {string} method @param {object} [params] */
  send(method, params) {
    return this.chromium.send(method, params, this.session);
  }

  /** @param {string} event @param {(params: any) => void} listener */
  on(event, listener) {
    this.#listeners.set(event, listener);
  }

  /** @param {string} event @param {any} params */
  hear(event, params) {
    this.#listeners.get(event)?.(params);
  }

  /** The value of an expression, waited for. @param {string} expression */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  close() {
    return this.chromium.send('Target.closeTarget', { targetId: this.target });
  }
}
