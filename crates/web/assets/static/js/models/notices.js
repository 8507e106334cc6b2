/** @import {Message, Room} from '../lib/types.js' */
/** @import {Chat} from './chat.js' */

/** Within this, whoever reads a message elsewhere has read it. */
const SETTLES = 700;
/** Notifications that are taken back once read; older ones stay. */
const MOST = 50;

/**
 * Which messages are worth a notification: those of others, in chats that are not muted, that nobody
 * looks at, on this page, in another tab or on another device.
 */
export class Notices {
  on = false;
  /** By the id of the message. @type {Map<string, {room: string, seq: number, close: () => void}>} */
  #shown = new Map();
  /** Requests that were told of: whoever is no acquaintance tells once. @type {Set<string>} */
  #requests = new Set();

  /**
   * @param {Chat} chat
   * @param {object} page
   * @param {(room: string) => boolean} page.isSeen whether somebody looks at the room here
   * @param {(message: Message) => Promise<boolean>} page.isSeenElsewhere or in another tab
   * @param {(message: Message, room: Room) => {close: () => void} | null} page.show
   */
  constructor(chat, page) {
    this.chat = chat;
    this.page = page;
    chat.on('arrived', (message) => void this.#arrived(message));
    chat.on('rooms', () => this.#closeRead());
    chat.on('ended', () => this.stop());
  }

  /** @param {Message} message */
  async #arrived(message) {
    if (!this.on || this.page.isSeen(message.room)) return;
    await new Promise((resolve) => setTimeout(resolve, SETTLES));
    if (this.#isDealtWith(message) || (await this.page.isSeenElsewhere(message))) return;
    const room = this.chat.rooms.get(message.room);
    if (!room || this.#isDealtWith(message) || this.#isKnownRequest(room)) return;
    const shown = this.page.show(message, room);
    if (!shown) return;
    this.#shown.set(message.id, { room: room.id, seq: message.seq, close: shown.close });
    const [oldest] = this.#shown.keys();
    if (this.#shown.size > MOST) this.#shown.delete(oldest);
  }

  /** @param {Message} message */
  #isDealtWith({ id, room, seq }) {
    const known = this.chat.rooms.get(room);
    if (!this.on || !known || known.muted || known.read_seq >= seq || this.page.isSeen(room)) return true;
    return known.last_message?.id === id && known.last_message.deleted;
  }

  /** @param {Room} room */
  #isKnownRequest({ id, state }) {
    if (state === 'open') return false;
    if (this.#requests.has(id)) return true;
    this.#requests.add(id);
    return false;
  }

  #closeRead() {
    for (const [id, { room, seq, close }] of this.#shown) {
      if (seq > (this.chat.rooms.get(room)?.read_seq ?? Infinity)) continue;
      close();
      this.#shown.delete(id);
    }
  }

  stop() {
    this.on = false;
    for (const { close } of this.#shown.values()) close();
    this.#shown.clear();
  }
}
