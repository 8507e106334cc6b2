// Somebody's way to the server: a SOCKS proxy of theirs alone, which fails as networks fail. The
// browser speaks to the server's own address through it, so that its origin stays the right one.
import { once } from 'node:events';
import { createServer, connect } from 'node:net';

/**
 * How a network can be.
 * - `whole`: all gets through;
 * - `cut`: connections are reset, and so are new ones;
 * - `stalled`: nothing gets through either way until the network is whole again, then all does;
 * - `forgotten`: nothing gets through over what stood then, ever; nobody says so, and new connections work;
 * - `deaf`: what the browser says arrives, no answer does; what stood then is reset in the end;
 * - `torn`: whatever comes next is reset after some bytes of it;
 * - `slow`: all arrives late.
 * @typedef {"whole" | "cut" | "stalled" | "forgotten" | "deaf" | "torn" | "slow"} State
 */

/** That an address is given by its name, in RFC 1928. */
const NAME = 3;
/** How late things are on a slow one, in milliseconds. */
const LATE = 700;

/** A network that one browser is in. */
export class Network {
  /** @type {State} */
  state = 'whole';
  /** @type {Set<Line>} */
  #lines = new Set();

  /** @param {import('./chance.js').Chance} chance decides where what is torn is torn */
  static async start(chance) {
    const network = new Network();
    network.chance = chance;
    network.server = createServer((browser) => void network.#accept(browser));
    network.server.listen(0, '127.0.0.1');
    await once(network.server, 'listening');
    network.proxy = { server: `socks5://127.0.0.1:${network.server.address().port}` };
    return network;
  }

  async stop() {
    for (const line of this.#lines) line.reset();
    this.server.close();
    await once(this.server, 'close');
  }

  /** @param {State} state */
  become(state) {
    const before = this.state;
    this.state = state;
    for (const line of [...this.#lines]) {
      if (state === 'cut' || before === 'deaf') line.reset();
      else if (state === 'forgotten') line.forgotten = true;
      else line.goOn();
    }
  }

  /** Ends the sockets in good order, and nothing else. */
  closeSockets() {
    for (const line of this.#lines) if (line.isSocket) line.end();
  }

  /** What a machine finds that has slept: its sockets look alive, and nothing else is kept. */
  sleep() {
    for (const line of this.#lines) {
      if (line.isSocket) line.forgotten = true;
      else line.reset();
    }
  }

  /** @param {import('node:net').Socket} browser */
  async #accept(browser) {
    browser.on('error', () => undefined);
    if (this.state === 'cut') {
      browser.resetAndDestroy();
      return;
    }
    try {
      const [, methods] = await read(browser, 2);
      await read(browser, methods);
      browser.write(Buffer.from([5, 0])); // nobody has to say who they are
      const [, , , kind] = await read(browser, 4);
      const host = kind === NAME ? (await read(browser, (await read(browser, 1))[0])).toString() : (await read(browser, 4)).join('.');
      const port = (await read(browser, 2)).readUInt16BE();
      const server = connect(port, host);
      server.on('error', () => browser.destroy());
      await once(server, 'connect');
      browser.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
      const line = new Line(this, browser, server);
      this.#lines.add(line);
      line.over.then(() => this.#lines.delete(line));
    } catch {
      browser.destroy();
    }
  }
}

/** One connection of a browser with the server. */
class Line {
  forgotten = false;
  isSocket = false;
  /** What did not get through yet, in order. @type {(() => void)[]} */
  #waiting = [];
  /** After so many more bytes it is torn. */
  #left;
  /** Until when what comes later waits behind what is late. */
  #lateUntil = 0;

  /** @param {Network} network @param {import('node:net').Socket} browser @param {import('node:net').Socket} server */
  constructor(network, browser, server) {
    Object.assign(this, { network, browser, server });
    this.#left = Math.floor(network.chance.between(1, 2000));
    for (const [from, to] of [[browser, server], [server, browser]]) {
      from.setNoDelay();
      from.on('data', (bytes) => {
        if (from === browser && /^upgrade: websocket/im.test(bytes.toString('latin1'))) this.isSocket = true;
        this.#pass(from, () => this.#write(to, bytes));
      });
      from.on('end', () => this.#pass(from, () => to.end()));
      from.on('error', () => this.reset());
    }
    this.over = Promise.all([once(browser, 'close'), once(server, 'close')]).catch(() => undefined);
    for (const [one, other] of [[browser, server], [server, browser]]) {
      one.on('close', () => {
        if (!this.forgotten && this.network.state !== 'stalled') setTimeout(() => other.destroy(), LATE);
      });
    }
  }

  /** @param {import('node:net').Socket} from @param {() => void} act */
  #pass(from, act) {
    const { state } = this.network;
    if (this.forgotten || (state === 'deaf' && from === this.server)) return;
    if (state === 'stalled' || this.#waiting.length > 0) {
      this.#waiting.push(act);
    } else if (state === 'slow' || Date.now() < this.#lateUntil) {
      this.#lateUntil = Math.max(this.#lateUntil, Date.now() + (state === 'slow' ? this.network.chance.between(50, LATE) : 0));
      setTimeout(act, this.#lateUntil - Date.now());
    } else {
      act();
    }
  }

  /** @param {import('node:net').Socket} to @param {Buffer} bytes */
  #write(to, bytes) {
    if (this.network.state !== 'torn') {
      to.write(bytes);
      return;
    }
    this.#left -= bytes.length;
    if (this.#left >= 0) to.write(bytes);
    else to.write(bytes.subarray(0, bytes.length + this.#left), () => this.reset());
  }

  /** What waited gets through. */
  goOn() {
    if (this.network.state === 'stalled') return;
    for (const act of this.#waiting.splice(0)) act();
  }

  end() {
    this.browser.end();
    this.server.end();
  }

  reset() {
    this.browser.resetAndDestroy();
    this.server.resetAndDestroy();
  }
}

/** So many bytes of a greeting. @param {import('node:net').Socket} socket @param {number} length @returns {Promise<Buffer>} */
async function read(socket, length) {
  for (;;) {
    const bytes = socket.read(length);
    if (bytes) return bytes;
    if (socket.readableEnded || socket.destroyed) throw new Error('the browser went away');
    const heard = new AbortController();
    const { signal } = heard;
    await Promise.race([once(socket, 'readable', { signal }), once(socket, 'close', { signal })]);
    heard.abort();
  }
}
