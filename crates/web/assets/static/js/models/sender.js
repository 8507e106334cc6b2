/** @import {ClientFrame} from '../lib/types.js' */
/** @import {Outbox} from './outbox.js' */

/** Refusals that say nothing about the message itself. */
const TEMPORARY = new Set(['unavailable', 'rate_limited', 'internal_error']);
const ACKNOWLEDGED_WITHIN = 15_000;
const LONGEST_PAUSE = 30_000;

/**
 * Empties the outbox over the socket: one unanswered message a room, so that whatever happens to
 * it, none of the later ones can get in front.
 */
export class Sender {
  /** Room to what it waits for. @type {Map<string, {client_id: string, timer: ReturnType<typeof setTimeout>}>} */
  #unanswered = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pause;
  #refusals = 0;
  #connected = false;

  /**
   * @param {Outbox} outbox
   * @param {(frame: ClientFrame) => void} send
   * @param {() => void} onSilence called when an acknowledgement does not come
   */
  constructor(outbox, send, onSilence) {
    this.outbox = outbox;
    this.send = send;
    this.onSilence = onSilence;
  }

  /** Sends what can be sent. */
  pump() {
    if (!this.#connected || this.#pause) return;
    for (const room of this.outbox.rooms) {
      if (this.#unanswered.has(room)) continue;
      const entry = this.outbox.nextPending(room);
      if (!entry) continue;
      const { client_id, body, reply_to, attachments } = entry;
      const timer = setTimeout(() => this.onSilence(), ACKNOWLEDGED_WITHIN);
      this.#unanswered.set(room, { client_id, timer });
      this.send({ type: 'send', client_id, room, body, reply_to, attachments: attachments?.map(({ id }) => id) });
    }
  }

  /** A new connection is ready: what was unanswered on the last one goes again. */
  connected() {
    this.disconnected();
    this.#connected = true;
    this.pump();
  }

  disconnected() {
    this.#connected = false;
    clearTimeout(this.#pause);
    this.#pause = undefined;
    for (const { timer } of this.#unanswered.values()) clearTimeout(timer);
    this.#unanswered.clear();
  }

  /**
   * A message of mine is stored, however that became known.
   * @param {string} room
   * @param {string} client_id
   */
  acknowledged(room, client_id) {
    if (!this.#answered(room, client_id)) return;
    this.#refusals = 0;
    this.pump();
  }

  /**
   * The server did not take a message.
   * @param {string} client_id
   * @param {string} code
   * @param {string} [detail]
   */
  refused(client_id, code, detail) {
    for (const [room, waiting] of this.#unanswered) {
      if (waiting.client_id === client_id) this.#answered(room, client_id);
    }
    if (!TEMPORARY.has(code)) {
      this.outbox.fail(client_id, code, detail);
      this.pump();
      return;
    }
    this.#refusals += 1;
    const wait = Math.min(1000 * 2 ** (this.#refusals - 1), LONGEST_PAUSE);
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.pump();
    }, wait);
  }

  /** @param {string} room @param {string} client_id */
  #answered(room, client_id) {
    const waiting = this.#unanswered.get(room);
    if (waiting?.client_id !== client_id) return false;
    clearTimeout(waiting.timer);
    return this.#unanswered.delete(room);
  }
}
