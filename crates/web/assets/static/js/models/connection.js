/** @import {ClientFrame, ServerFrame} from '../lib/types.js' */
import { Emitter } from '../lib/events.js';

const READY_WITHIN = 10_000;
const SHORTEST_WAIT = 500;
const LONGEST_WAIT = 30_000;
const AFTER_ABUSE = 30_000;
const RESTART_WITHIN = 5_000;
/** After so long a silence nobody can tell a socket that stands from one that died without a word. */
const SILENCE = 45_000;
const CLOSE_SESSION_ENDED = 4401;

/**
 * One socket that comes back by itself.
 *
 * `state` is `connecting`, `ready` (the server greeted), `waiting` (until `retryAt`) or `stopped`.
 * @extends {Emitter<{state: string, frame: ServerFrame, ended: null, refused: null, silent: null}>}
 */
export class Connection extends Emitter {
  /** @type {"stopped" | "connecting" | "ready" | "waiting"} */
  state = 'stopped';
  /** When the next try is due, in milliseconds. */
  retryAt = 0;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #failures = 0;
  /** Whether nothing came for so long that the socket may be dead. */
  isSilent = false;

  /** @param {() => WebSocket} open */
  constructor(open) {
    super();
    this.open = open;
  }

  /** Connects now, dropping what there is and any wait. */
  connect() {
    this.#abandon();
    this.#set('connecting');
    let socket;
    try {
      socket = this.open();
    } catch {
      this.#retry(this.#backoff());
      return;
    }
    this.#socket = socket;
    // A connection that opens but never greets is as dead as one that never opens.
    this.#timer = setTimeout(() => this.#lost(socket, 0), READY_WITHIN);
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.#receive(event.data);
    };
    socket.onclose = (event) => this.#lost(socket, event.code);
  }

  stop() {
    this.#abandon();
    this.#set('stopped');
  }

  /** The network went away: no use in waiting for the socket to notice. */
  drop() {
    if (this.state === 'connecting' || this.state === 'ready') this.#retry(this.#backoff());
  }

  /**
   * @param {ClientFrame} frame
   * @returns {boolean} whether it was handed to a socket that is ready
   */
  send(frame) {
    if (this.state !== 'ready' || !this.#socket) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** @param {unknown} data */
  #receive(data) {
    let frame;
    try {
      frame = JSON.parse(String(data));
    } catch {
      return;
    }
    if (typeof frame?.type !== 'string') return;
    if (frame.type === 'ready') {
      this.#failures = 0;
      this.#set('ready');
    }
    if (this.state === 'ready') this.#listen();
    this.emit('frame', frame);
  }

  /** Says so when nothing comes from now on. */
  #listen() {
    clearTimeout(this.#timer);
    this.isSilent = false;
    this.#timer = setTimeout(() => this.#silent(), SILENCE);
  }

  #silent() {
    this.isSilent = true;
    this.#timer = setTimeout(() => this.#silent(), SILENCE);
    this.emit('silent', null);
  }

  /** @param {WebSocket} socket @param {number} code */
  #lost(socket, code) {
    if (socket !== this.#socket) return;
    const greeted = this.state === 'ready';
    if (code === CLOSE_SESSION_ENDED) {
      this.stop();
      this.emit('ended', null);
    } else if (code === 1001) {
      this.#retry(Math.random() * RESTART_WITHIN);
    } else {
      this.#retry(code === 1008 ? AFTER_ABUSE : this.#backoff());
      // A browser does not tell a refused upgrade from a dead server; somebody else has to ask.
      if (!greeted) this.emit('refused', null);
    }
  }

  /** @param {number} wait */
  #retry(wait) {
    this.#abandon();
    this.retryAt = Date.now() + wait;
    this.#timer = setTimeout(() => this.connect(), wait);
    this.#set('waiting');
  }

  /** Doubling, with half of it left to chance so that many clients do not return as one. */
  #backoff() {
    const ceiling = Math.min(SHORTEST_WAIT * 2 ** this.#failures, LONGEST_WAIT);
    this.#failures = Math.min(this.#failures + 1, 10);
    return ceiling * (0.5 + Math.random() / 2);
  }

  #abandon() {
    clearTimeout(this.#timer);
    this.isSilent = false;
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  /** @param {Connection["state"]} state */
  #set(state) {
    this.state = state;
    this.emit('state', state);
  }
}
