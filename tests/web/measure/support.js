// What measurements share. They print figures and judge those that no busy machine can change.
import { PASSWORD } from '../journeys/support/browser.js';

/** DevTools' own “Fast 3G”: what it takes from every request, and bytes a second. */
export const FAST_3G = { offline: false, latency: 562.5, downloadThroughput: 180_000, uploadThroughput: 84_375 };
/** How much slower than this machine. */
export const SLOW_CPU = 4;

/** Somebody without a page: an account and its cookie. */
export class Correspondent {
  /** @param {import('../journeys/support/server.js').Server} server @param {string} name */
  static async arrive(server, name) {
    await server.createUser(name, PASSWORD);
    const person = new Correspondent();
    Object.assign(person, { server, name });
    const answer = await person.ask('POST', '/api/login', { login: name, password: PASSWORD });
    person.cookie = answer.headers.getSetCookie().map((cookie) => cookie.split(';')[0]).find((cookie) => cookie.includes('session'));
    return person;
  }

  /** @param {string} method @param {string} path @param {object} [body] */
  async ask(method, path, body) {
    const headers = { 'content-type': 'application/json', ...(this.cookie && { cookie: this.cookie }) };
    const answer = await fetch(this.server.url + path, { method, headers, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  /** The room with somebody. @param {string} username @returns {Promise<string>} its id */
  async room(username) {
    return (await (await this.ask('POST', '/api/rooms', { username })).json()).id;
  }

  /** @param {string} room @param {string} body */
  say(room, body) {
    return this.ask('POST', `/api/rooms/${room}/messages`, { client_id: crypto.randomUUID(), body });
  }

  /** The cookie as a browser takes it. */
  get forBrowser() {
    const [name, value] = this.cookie.split('=');
    return { name, value, url: this.server.url };
  }
}

/** @param {number[]} figures */
export const median = (figures) => [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)];

/** A sentence as people write them, different each time. @param {number} n */
export const sentence = (n) => `See you at ${n % 24} o’clock, or a little later if the train ${n} is late again`;
