/** @import {Room, Message} from '../lib/types.js' */

/**
 * The list of conversations: the server's view of each room, kept current by what is announced
 * until the next one is read.
 */
export class RoomList {
  /** @type {Map<string, Room>} */
  #rooms = new Map();
  /** Where the other may show no longer how far they have read. @type {Set<string>} */
  #doubted = new Set();

  /** @param {string} me the id of the reader */
  constructor(me) {
    this.me = me;
  }

  /** @param {string} id */
  get(id) {
    return this.#rooms.get(id);
  }

  get size() {
    return this.#rooms.size;
  }

  get ids() {
    return [...this.#rooms.keys()];
  }

  /** Out of sight. @param {string} id @returns {boolean} whether it was there */
  remove(id) {
    return this.#rooms.delete(id);
  }

  /**
   * Latest first.
   * @param {(room: string) => number} [writtenAt] when I last wrote what is not sent yet
   * @returns {Room[]}
   */
  sorted(writtenAt = () => 0) {
    const latest = new Map([...this.#rooms.values()].map((room) => [room, Math.max(activity(room), writtenAt(room.id))]));
    return [...latest].sort(([, a], [, b]) => b - a).map(([room]) => room);
  }

  /** Unread messages in all rooms that are not muted. */
  get unread() {
    let sum = 0;
    for (const room of this.#rooms.values()) if (!room.muted) sum += room.unread;
    return sum;
  }

  /**
   * How far others have read may be hidden by now: what is told next of it counts, although it is less.
   * @param {string[]} rooms
   */
  doubtReading(rooms) {
    for (const id of rooms) this.#doubted.add(id);
  }

  /**
   * Takes a room as the server told it. Answers may overtake each other and announcements, so
   * nothing moves back, but for what is in doubt.
   * @param {Room} told
   */
  merge(told) {
    const known = this.#rooms.get(told.id);
    if (!known) {
      this.#rooms.set(told.id, { ...told });
      return;
    }
    const read_seq = Math.max(known.read_seq, told.read_seq);
    const behind = told.last_seq < known.last_seq;
    const readAhead = known.read_seq > told.read_seq;
    /** @type {Room} */
    const merged = {
      ...told,
      rev: Math.max(known.rev, told.rev),
      last_seq: Math.max(known.last_seq, told.last_seq),
      last_message: newer(known.last_message, told.last_message),
      read_seq,
      state: known.state === 'open' ? 'open' : told.state, // what was accepted is so for good
      other_read_seq: this.#doubted.delete(told.id) ? told.other_read_seq : Math.max(known.other_read_seq, told.other_read_seq),
      other_delivered_seq: Math.max(known.other_delivered_seq, told.other_delivered_seq),
      unread: behind || (readAhead && told.last_seq === known.last_seq) ? known.unread : told.unread,
    };
    if (read_seq >= merged.last_seq) merged.unread = 0;
    this.#rooms.set(told.id, merged);
  }

  /**
   * Takes an announced message. Room.rev stays: only the server can vouch for it.
   * @param {Message} message
   * @returns {"unknown" | "recount" | "ok"} whether the room has to be asked for
   */
  apply(message) {
    const room = this.#rooms.get(message.room);
    if (!room) return 'unknown';
    const before = room.last_seq;
    const fromOther = message.sender !== this.me;
    room.last_message = newer(room.last_message, message);
    if (message.seq > before) {
      room.last_seq = message.seq;
      if (fromOther && !message.deleted && message.seq > room.read_seq) room.unread += 1;
      return message.seq > before + 1 ? 'recount' : 'ok';
    }
    return fromOther && message.deleted && message.seq > room.read_seq ? 'recount' : 'ok';
  }

  /**
   * Somebody read up to `seq`; told by the server or seen on this screen.
   * @param {string} id
   * @param {string} user
   * @param {number} seq
   * @param {number} [counted] how many unread messages that were, where it is known
   * @returns {"unknown" | "recount" | "ok"}
   */
  read(id, user, seq, counted) {
    const room = this.#rooms.get(id);
    if (!room) return 'unknown';
    if (user !== this.me) {
      this.#doubted.delete(id); // it is told, so it shows
      room.other_read_seq = Math.max(room.other_read_seq, seq);
      return 'ok';
    }
    if (seq <= room.read_seq) return 'ok';
    room.read_seq = seq;
    if (seq >= room.last_seq) {
      room.unread = 0;
      return 'ok';
    }
    if (counted === undefined) return 'recount';
    room.unread = Math.max(0, room.unread - counted);
    return 'ok';
  }
}

/** @param {Message | null} a @param {Message | null} b */
function newer(a, b) {
  if (!a || !b) return a ?? b;
  if (a.seq !== b.seq) return a.seq > b.seq ? a : b;
  return a.rev >= b.rev ? a : b;
}

/** @param {Room} room */
const activity = (room) => Date.parse(room.last_message?.sent_at ?? room.created_at);
