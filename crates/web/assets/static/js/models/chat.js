/** @import {Attachment, Beginning, Change, User, Room, Message, ServerFrame} from '../lib/types.js' */
/** @import {ChatApi} from '../lib/chat-api.js' */
/** @import {Changes} from './changes.js' */
/** @import {Connection} from './connection.js' */
/** @import {Outbox} from './outbox.js' */
import { Emitter } from '../lib/events.js';
import { Problem } from '../lib/api.js';
import { RoomHistory } from './history.js';
import { Presence, Typing } from './presence.js';
import { RoomList } from './room-list.js';
import { Sender } from './sender.js';

const PAGE = 50;
/** Messages that are loaded at once while somebody scrolls: as many as are drawn within a moment. */
const MORE = 30;
/** Messages before the first unread one that are loaded with it. */
const CONTEXT = 20;
/** Histories kept in memory; catching up costs a request for each. */
const MAX_HISTORIES = 8;

/**
 * One person's conversations on this page: what is known, what is announced, what is being sent.
 * The socket announces and the API tells, so every new connection is followed by a catch-up.
 *
 * @extends {Emitter<{rooms: null, room: string, left: string, presence: null, typing: null, blocks: null, arrived: Message, connection: string, message: Message, refused: string, ended: null}>}
 */
export class Chat extends Emitter {
  /** Whether the list of rooms is loading, there, or could not be had. @type {"loading" | "ready" | "failed"} */
  listState = 'loading';
  /** @type {Map<string, RoomHistory>} the one used last at the end */
  #histories = new Map();
  /** Reads not yet told to the server. @type {Map<string, number>} */
  #reads = new Map();
  /** @type {Map<string, Promise<void>>} */
  #asking = new Map();
  /** The highest rev that the socket told of in each room. @type {Map<string, number>} */
  #heard = new Map();
  #catchingUp = false;
  #catchUpAgain = false;
  #caughtUp = false;
  #catchUpFailures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #catchUpTimer;
  #ended = false;
  /** What I want otherwise about messages; there once something is. @type {Changes | null} */
  changes = null;
  presence = new Presence();
  typing = new Typing(() => this.emit('typing', null));
  /** Whom I block. @type {Set<string>} */
  blocked = new Set();
  /** How often I blocked or unblocked somebody here. */
  #blockings = 0;

  /**
   * @param {{me: User, api: ChatApi, connection: Connection, outbox: Outbox}} parts
   */
  constructor({ me, api, connection, outbox }) {
    super();
    this.me = me;
    this.api = api;
    this.connection = connection;
    this.outbox = outbox;
    this.rooms = new RoomList(me.id);
    this.sender = new Sender(outbox, (frame) => connection.send(frame), () => connection.connect());
    connection.on('frame', (frame) => this.#receive(frame));
    connection.on('state', (state) => this.#connectionChanged(state));
    connection.on('ended', () => this.#end());
    connection.on('refused', () => this.#askWhetherSignedIn());
    connection.on('silent', () => void this.#doubt());
    outbox.on('change', (room) => {
      this.emit('room', room);
      this.emit('rooms', null);
    });
  }

  get ended() {
    return this.#ended;
  }

  /** Takes what came with the page; the list is read once the socket is ready. @param {Beginning} beginning */
  begin({ rooms, blocked }) {
    this.blocked = new Set(blocked);
    for (const room of rooms) this.#takeRoom(room);
    this.listState = 'ready';
  }

  /** Connects and loads the list. */
  start() {
    this.connection.connect();
    if (this.listState === 'loading') void this.catchUp();
    if (this.outbox.store.names('change:').length > 0) void this.loadChanges();
  }

  /** @param {string} room */
  history(room) {
    return this.#histories.get(room);
  }

  // Rooms

  /**
   * The room, asked for when it is not in the list.
   * @param {string} id
   * @returns {Promise<Room>}
   * @throws {Problem}
   */
  async roomById(id) {
    const known = this.rooms.get(id);
    if (known) return known;
    return this.#takeRoom(await this.#guard(this.api.room(id)));
  }

  /**
   * The one room with somebody, begun if need be.
   * @param {string} username
   * @returns {Promise<Room>}
   * @throws {Problem}
   */
  async roomWith(username) {
    return this.#takeRoom(await this.#guard(this.api.openRoom(username)));
  }

  /** @param {Room} told @returns {Room} */
  #takeRoom(told) {
    this.#mergeRoom(told);
    if (told.last_message) this.#meet(told.last_message);
    this.emit('rooms', null);
    this.emit('room', told.id);
    return /** @type {Room} */ (this.rooms.get(told.id));
  }

  /** One that I cleared or declined, here or elsewhere, is out of my sight. @param {Room} told */
  #takeIfListed(told) {
    if (told.listed === false) this.#drop(told.id);
    else this.#takeRoom(told);
  }

  /** @param {Room} told */
  #mergeRoom(told) {
    const before = this.rooms.get(told.id)?.last_seq ?? 0;
    this.rooms.merge(told);
    // What is there when the page opens is no news.
    if (this.listState === 'ready') this.#greet(told.last_message, before);
  }

  /** Tells of a message of the other's that was not known of. @param {Message | null} message @param {number} before the room's last seq */
  #greet(message, before) {
    if (!message || message.seq <= before || message.sender === this.me.id || message.deleted) return;
    this.typing.stop(message.room);
    this.emit('arrived', message);
  }

  /** Asks for one room, once however many want it. @param {string} id */
  #refreshRoom(id) {
    const running = this.#asking.get(id);
    if (running) return running;
    const asking = this.#guard(this.api.room(id))
      .then((told) => void this.#takeIfListed(told), (problem) => this.#dropIfGone(id, problem))
      .finally(() => this.#asking.delete(id));
    this.#asking.set(id, asking);
    return asking;
  }

  /** @param {string} id @param {unknown} problem */
  #dropIfGone(id, problem) {
    if (problem instanceof Problem && problem.status === 404) this.#drop(id);
  }

  /** The room is out of my sight. @param {string} id */
  #drop(id) {
    this.#histories.delete(id);
    this.#reads.delete(id);
    if (!this.rooms.remove(id)) return;
    this.emit('rooms', null);
    this.emit('left', id);
  }

  // Requests and blocks

  /** From now on the other sees me. @param {string} id @throws {Problem} */
  async accept(id) {
    try {
      this.#takeRoom(await this.#guard(this.api.accept(id)));
    } catch (problem) {
      this.#dropIfGone(id, problem);
      throw problem;
    }
  }

  /** @param {string} id @throws {Problem} */
  async decline(id) {
    try {
      await this.#guard(this.api.decline(id));
    } catch (problem) {
      // It was accepted elsewhere, or is gone.
      void this.#refreshRoom(id);
      throw problem;
    }
    this.#drop(id);
    void this.catchUp(); // a list that was on its way has it still
  }

  /** @param {string} id @throws {Problem} */
  async clear(id) {
    await this.#guard(this.api.clear(id));
    this.#drop(id);
    void this.catchUp();
  }

  /** @param {string} id @param {boolean} muted @throws {Problem} */
  async mute(id, muted) {
    this.#takeRoom(await this.#guard(this.api.mute(id, muted)));
  }

  /** @param {string} user @throws {Problem} */
  async block(user) {
    await this.#guard(this.api.block(user));
    this.#setBlocked(new Set([...this.blocked, user]));
  }

  /** @param {string} user @throws {Problem} */
  async unblock(user) {
    await this.#guard(this.api.unblock(user));
    this.#setBlocked(new Set([...this.blocked].filter((one) => one !== user)));
  }

  /** @param {Set<string>} blocked */
  #setBlocked(blocked) {
    this.#blockings += 1;
    this.#takeBlocked(blocked);
  }

  /** @param {Set<string>} blocked */
  #takeBlocked(blocked) {
    this.blocked = blocked;
    // That somebody is out of sight is told as if they had left.
    for (const user of blocked) this.presence.forget(user);
    this.emit('blocks', null);
  }

  async #readBlocks() {
    /** @type {number} */
    let before;
    /** @type {User[]} */
    let users;
    do {
      before = this.#blockings;
      ({ users } = await this.#guard(this.api.blocks()));
    } while (before !== this.#blockings); // else an answer from before would undo what was done
    this.#takeBlocked(new Set(users.map(({ id }) => id)));
  }

  // History

  /**
   * Loads the history around the first unread message, or the newest.
   * @param {string} id
   * @returns {Promise<RoomHistory>}
   * @throws {Problem}
   */
  async open(id) {
    const room = await this.roomById(id);
    const known = this.#histories.get(id);
    if (known?.loaded && !known.hasNewer) {
      this.#keep(known);
      return known;
    }
    return this.#load(room, () => this.#firstPage(room));
  }

  /**
   * Loads the history around a message, unless it is loaded.
   * @param {string} id
   * @param {number} seq
   * @returns {Promise<RoomHistory>}
   * @throws {Problem}
   */
  async openAround(id, seq) {
    const room = await this.roomById(id);
    const known = this.#histories.get(id);
    if (known?.loaded && known.messages.some((message) => message.seq === seq)) {
      this.#keep(known);
      return known;
    }
    return this.#load(room, async () => {
      const { messages } = await this.api.messages(id, { around: seq, limit: PAGE });
      const hasOlder = (messages.at(0)?.seq ?? 1) > 1;
      return { messages, hasOlder, hasNewer: (messages.at(-1)?.seq ?? 0) < room.last_seq };
    });
  }

  /**
   * @param {Room} room
   * @param {Parameters<RoomHistory["load"]>[0]} fetch
   */
  async #load(room, fetch) {
    const history = new RoomHistory(room.id);
    // The rev was read before the history is, so whatever comes later is among its changes.
    history.position = room.rev;
    this.#keep(history);
    try {
      await this.#guard(history.load(fetch));
    } catch (problem) {
      if (this.#histories.get(room.id) === history) this.#histories.delete(room.id);
      throw problem;
    }
    this.#settle(history);
    return history;
  }

  /** @param {RoomHistory} history */
  #keep(history) {
    this.#histories.delete(history.room);
    this.#histories.set(history.room, history);
    const [oldest] = this.#histories.keys();
    if (this.#histories.size > MAX_HISTORIES) this.#histories.delete(oldest);
  }

  /** @param {Room} room */
  async #firstPage(room) {
    if (room.unread < PAGE - CONTEXT) return this.#newestPage(room.id);
    const [before, after] = await Promise.all([
      this.api.messages(room.id, { before: room.read_seq + 1, limit: CONTEXT }),
      this.api.messages(room.id, { after: room.read_seq, limit: PAGE }),
    ]);
    const messages = [...before.messages, ...after.messages];
    return { messages, hasOlder: before.has_more, hasNewer: after.has_more };
  }

  /** @param {string} room */
  async #newestPage(room) {
    const page = await this.api.messages(room, { limit: PAGE });
    return { messages: page.messages, hasOlder: page.has_more, hasNewer: false };
  }

  /** Loads what came before. @param {RoomHistory} history @throws {Problem} */
  async loadOlder(history) {
    await this.#guard(history.loadOlder((before) => this.api.messages(history.room, { before, limit: MORE })));
    this.#settle(history);
  }

  /** Loads what came after, where the window was cut. @param {RoomHistory} history @throws {Problem} */
  async loadNewer(history) {
    await this.#guard(history.loadNewer((after) => this.api.messages(history.room, { after, limit: MORE })));
    this.#settle(history);
  }

  /** Goes to the newest messages. @param {RoomHistory} history @throws {Problem} */
  async loadNewest(history) {
    if (!history.hasNewer) return;
    await this.#guard(history.load(() => this.#newestPage(history.room)));
    this.#settle(history);
  }

  /** @param {RoomHistory} history */
  #settle(history) {
    for (const message of history.messages) this.#resolve(message);
    this.emit('room', history.room);
    if (history.hasGap) void this.catchUp();
  }

  // Sending and reading

  /**
   * Shows and sends a message; it is kept until the server has it.
   * @param {string} room
   * @param {string} body already normalised
   * @param {string} [reply_to] the message it answers
   * @param {Attachment[]} [attachments]
   * @returns {boolean} `false` when too many are waiting
   */
  sendMessage(room, body, reply_to, attachments) {
    if (!this.outbox.add(room, body, reply_to, attachments)) return false;
    this.typing.sent();
    this.sender.pump();
    return true;
  }

  /** @param {string} client_id */
  retry(client_id) {
    this.outbox.retry(client_id);
    this.sender.pump();
  }

  /** @returns {Promise<Changes>} */
  async loadChanges() {
    const { Changes } = await import('./changes.js');
    return (this.changes ??= new Changes(this));
  }

  /** @param {Change} change @throws {Problem} */
  async change(change) {
    this.#takeMessage(await this.#guard(this.api.change(change)));
  }

  /** I am writing a message; the other may see so. @param {string} room */
  type(room) {
    if (this.connection.state === 'ready' && this.typing.tell(room)) this.connection.send({ type: 'typing', room });
  }

  /**
   * What is on screen up to `seq` has been read.
   * @param {string} id
   * @param {number} seq
   */
  markRead(id, seq) {
    const room = this.rooms.get(id);
    if (!room || seq <= room.read_seq) return;
    const from = room.read_seq;
    const history = this.#histories.get(id);
    // Amid unread messages those before are unseen, until the newest were.
    if (history?.hasNewer && history.lowest > from + 1) return;
    const seen = (history?.messages ?? []).filter(
      (message) => message.seq > from && message.seq <= seq && message.sender !== this.me.id,
    );
    if (seen.length === 0) return;
    this.rooms.read(id, this.me.id, seq, seen.filter((message) => !message.deleted).length);
    this.#reads.set(id, seq);
    this.#tellReads();
    this.emit('rooms', null);
    this.emit('room', id);
  }

  #tellReads() {
    for (const [room, seq] of this.#reads) {
      if (this.connection.send({ type: 'read', room, seq })) this.#reads.delete(room);
    }
  }

  // What the server announces

  /** @param {ServerFrame} frame */
  #receive(frame) {
    switch (frame.type) {
      case 'ready':
        this.#tellReads();
        this.sender.connected();
        this.changes?.connected();
        void this.catchUp();
        break;
      case 'message': {
        const { type, ...message } = frame;
        this.#heard.set(message.room, Math.max(message.rev, this.#heard.get(message.room) ?? 0));
        this.#takeMessage(message);
        break;
      }
      case 'resync':
        this.#forgetPresence(); // who is online is told anew
        void this.catchUp();
        break;
      case 'room': {
        const { type, ...room } = frame;
        this.rooms.doubtReading([room.id]);
        this.#takeIfListed(room);
        break;
      }
      case 'read':
        if (this.rooms.read(frame.room, frame.user, frame.seq) !== 'ok') void this.#refreshRoom(frame.room);
        this.emit('rooms', null);
        this.emit('room', frame.room);
        break;
      case 'delivered': {
        const room = this.rooms.get(frame.room);
        if (room) this.rooms.merge({ ...room, other_delivered_seq: frame.seq });
        this.emit('room', frame.room);
        break;
      }
      case 'presence':
        if (this.blocked.has(frame.user)) break;
        this.presence.take(frame.user, frame.online, frame.last_seen);
        this.emit('presence', null);
        break;
      case 'typing':
        if (frame.user !== this.me.id && !this.blocked.has(frame.user)) this.typing.take(frame.room);
        break;
      case 'error':
        this.#refused(frame.code, frame.detail, frame.client_id);
        break;
      default: // a newer server may announce more
    }
  }

  /** @param {Message} message */
  #takeMessage(message) {
    const before = this.rooms.get(message.room)?.last_seq ?? 0;
    if (this.rooms.apply(message) !== 'ok') void this.#refreshRoom(message.room);
    this.#meet(message);
    this.#greet(message, before);
    this.emit('rooms', null);
    if (this.#histories.get(message.room)?.hasGap) void this.catchUp();
  }

  /** A version of a message, from wherever it came. @param {Message} message */
  #meet(message) {
    const changed = this.#histories.get(message.room)?.apply(message);
    this.emit('message', message);
    this.#resolve(message);
    if (changed) this.emit('room', message.room);
  }

  /** @param {Message} message */
  #resolve(message) {
    if (message.sender !== this.me.id) return;
    this.outbox.resolve(message);
    this.changes?.met(message);
    this.sender.acknowledged(message.room, message.client_id);
  }

  /** @param {string} code @param {string} detail @param {string} [client_id] */
  #refused(code, detail, client_id) {
    if (code === 'signed_out') {
      this.#end();
      return;
    }
    if (client_id && this.outbox.has(client_id)) this.sender.refused(client_id, code, detail);
    if (code === 'blocked') void this.catchUp(); // by me, elsewhere
  }

  /** @param {string} state */
  #connectionChanged(state) {
    if (state !== 'ready') {
      this.sender.disconnected();
      this.#forgetPresence();
    }
    // Where there is no socket, there may be an API.
    if (state === 'waiting' && !this.#caughtUp) void this.catchUp();
    this.emit('connection', state);
  }

  #forgetPresence() {
    this.presence.clear();
    this.typing.clear();
    this.emit('presence', null);
  }

  // Catching up

  /**
   * Reads the list of rooms and whom I block, then the changes of every loaded room whose rev moved. Asked for while
   * it runs, it runs once more afterwards.
   */
  async catchUp() {
    this.#catchUpAgain = true;
    if (this.#catchingUp || this.#ended) return;
    this.#catchingUp = true;
    clearTimeout(this.#catchUpTimer);
    try {
      while (this.#catchUpAgain) {
        this.#catchUpAgain = false;
        await Promise.all([this.#readRooms(), this.#readBlocks()]);
        for (const history of [...this.#histories.values()]) await this.#readChanges(history);
      }
      this.#caughtUp = true;
      this.#catchUpFailures = 0;
    } catch (problem) {
      this.#catchUpFailed(problem);
    } finally {
      this.#catchingUp = false;
    }
  }

  async #readRooms() {
    const unseen = new Set(this.rooms.ids);
    this.rooms.doubtReading(this.rooms.ids);
    let cursor = null;
    do {
      /** @type {import('../lib/types.js').RoomsPage} */
      const page = await this.#guard(this.api.rooms(cursor));
      for (const room of page.rooms) {
        // A read that was on its way when the connection went may never have arrived.
        const read = this.rooms.get(room.id)?.read_seq ?? 0;
        if (read > room.read_seq) this.#reads.set(room.id, read);
        unseen.delete(room.id);
        this.#mergeRoom(room);
        if (room.last_message) this.#meet(room.last_message);
        this.emit('room', room.id);
      }
      cursor = page.cursor;
      this.listState = 'ready';
      this.emit('rooms', null);
    } while (cursor);
    // One that is not listed was declined elsewhere, or moved up between two pages.
    await Promise.all([...unseen].map((id) => this.#refreshRoom(id)));
    this.#tellReads();
  }

  /** @param {RoomHistory} history */
  async #readChanges(history) {
    const rev = this.rooms.get(history.room)?.rev ?? 0;
    let position = history.position;
    if (position === null || (rev <= position && !history.hasGap)) return;
    try {
      let more = true;
      while (more) {
        /** @type {import('../lib/types.js').ChangesPage} */
        const page = await this.#guard(this.api.changes(history.room, position));
        for (const message of page.messages) this.#meet(message);
        history.position = position = page.rev;
        more = page.has_more;
      }
    } catch (problem) {
      if (!(problem instanceof Problem && problem.status === 404)) throw problem;
      this.#histories.delete(history.room);
    }
  }

  /** @param {unknown} problem */
  #catchUpFailed(problem) {
    if (this.#ended) return;
    if (this.listState === 'loading') {
      this.listState = 'failed';
      this.emit('rooms', null);
    }
    if (!(problem instanceof Problem)) throw problem;
    this.#catchUpFailures = Math.min(this.#catchUpFailures + 1, 5);
    const wait = Math.max(1000 * 2 ** this.#catchUpFailures, problem.retryAfter * 1000);
    // A lost connection catches up when it is back; this is for one that stands.
    this.#catchUpTimer = setTimeout(() => void this.catchUp(), wait);
  }

  /** A socket that died without a word is found out by what the list tells and it did not. */
  async #doubt() {
    let isDead;
    try {
      const { rooms } = await this.#guard(this.api.latestRooms());
      isDead = rooms.some(({ id, rev }) => rev > Math.max(this.rooms.get(id)?.rev ?? -1, this.#heard.get(id) ?? 0));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      isDead = problem.status === 0; // so is the network
    }
    if (isDead && this.connection.isSilent) this.connection.connect();
  }

  // The session

  /**
   * Passes an answer on, and notices when the session is over.
   * @template T
   * @param {Promise<T>} answer
   * @returns {Promise<T>}
   */
  async #guard(answer) {
    try {
      return await answer;
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 401) this.#end();
      throw problem;
    }
  }

  #askWhetherSignedIn() {
    this.#guard(this.api.me()).catch(() => undefined);
  }

  #end() {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#catchUpTimer);
    this.connection.stop();
    this.changes?.stop();
    this.emit('ended', null);
  }
}
