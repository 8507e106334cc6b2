/** @import {Item, Message, Room} from '../lib/types.js' */
/** @import {Originals} from '../models/originals.js' */
/** @import {FilesTray} from './files-tray.js' */
/** @import {MessageActions} from './message-actions.js' */
/** @import {Chat} from '../models/chat.js' */
/** @import {RoomHistory} from '../models/history.js' */
/** @import {LocalStore} from '../models/local-store.js' */
import { Problem } from '../lib/api.js';
import { batched, find, findHtml, isTouch, part } from '../lib/dom.js';
import { displayName } from '../models/person.js';
import { timeline } from '../models/timeline.js';
import { drawAvatar } from './avatar.js';
import { ComposerView } from './composer-view.js';
import { LogView } from './log-view.js';
import { files } from './message-view.js';
import { RelationView } from './relation-view.js';

/** Messages held and shown at once. */
const MAX_SHOWN = 300;
const READ_AFTER = 150;
const ANNOUNCE_AFTER = 500;
/** Between tries to load what comes next, when that fails. */
const RELOAD_AFTER = 3000;

/** The open conversation: who it is with, its messages, and the box to write in. */
export class ConversationView {
  #room = '';
  /** @type {RoomHistory | null} */
  #history = null;
  /** Where the "New messages" line stands during this visit. @type {number | null} */
  #unreadAfter = null;
  #unreadBefore = 0;
  /** The end that a load is under way for. @type {"older" | "newer" | null} */
  #loading = null;
  #olderFailed = false;
  #newerNotBefore = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #reading;
  /** What is shown. @type {Item[]} */
  items = [];
  /** @type {Promise<MessageActions> | null} */
  #actions = null;
  /** @type {Promise<FilesTray> | null} */
  #tray = null;
  /** @type {Promise<void> | null} */
  #drawsFiles = null;
  /** @type {Originals | null} */
  originals = null;

  /**
   * @param {HTMLElement} root
   * @param {Chat} chat
   * @param {LocalStore} store
   */
  constructor(root, chat, store) {
    this.root = root;
    this.chat = chat;
    this.welcome = findHtml(root, '#welcome');
    this.notice = findHtml(root, '#room-notice');
    this.conversation = findHtml(root, '#conversation');
    this.skeleton = findHtml(root, '#log-loading');
    this.older = findHtml(root, '#older');
    this.empty = findHtml(root, '#room-empty');
    this.jump = find(root, '#jump', HTMLButtonElement);
    this.failedBar = findHtml(root, '#failed-bar');
    this.full = findHtml(root, '#outbox-full');
    this.log = new LogView(root, {
      onScroll: () => this.#placeChanged(),
      onFocusLost: () => this.focus(),
      onNearOlder: () => void this.#loadOlder(false),
      onNearNewer: () => void this.#loadNewer(),
    });
    this.composer = new ComposerView(root, store, (body) => this.send(body));
    this.relation = new RelationView(root, chat, {
      changed: () => store.set('people', Date.now()), // other tabs hear of it
      focusComposer: () => this.focus(),
    });
    this.#listen();
  }

  #listen() {
    const draw = batched(() => this.draw());
    this.chat.on('room', (room) => {
      if (room === this.#room) draw();
    });
    const drawPresence = batched(() => this.#drawPresence());
    this.chat.on('presence', drawPresence);
    this.chat.on('typing', drawPresence);
    this.chat.on('blocks', batched(() => this.#drawRelation()));
    this.chat.on('connection', (state) => {
      if (state === 'ready') this.#reconnected();
    });
    document.addEventListener('visibilitychange', () => this.#scheduleRead());
    addEventListener('focus', () => this.#scheduleRead());
    this.composer.text.addEventListener('input', () => {
      if (this.composer.text.value.trim()) this.chat.type(this.#room);
    });
    this.jump.addEventListener('click', () => void this.#jumpToNewest());
    find(this.older, 'button', HTMLButtonElement).onclick = () => void this.#loadOlder(true);
    find(this.notice, 'button', HTMLButtonElement).onclick = () => void this.open(this.#room);
    addEventListener('pagehide', () => this.chat.changes?.settle());
    const act = (/** @type {Event} */ event) => this.#act(event);
    for (const type of ['click', 'keydown', 'contextmenu', 'pointerover', 'focusin']) this.log.items.addEventListener(type, act);
    this.composer.text.addEventListener('keydown', (event) => event.key === 'ArrowUp' && act(event));
    this.failedBar.addEventListener('click', act);
    findHtml(this.root, '#emoji').onclick = () => void this.#addEmoji();
    const chooser = find(this.root, '#files', HTMLInputElement);
    findHtml(this.root, '#attach').onclick = () => chooser.click();
    chooser.onchange = () => {
      this.#bring('drop', chooser.files);
      chooser.value = '';
    };
    for (const type of ['dragover', 'dragleave', 'drop', 'paste']) this.conversation.addEventListener(type, (event) => this.#moved(event));
  }

  /** The room that is open, or nothing. */
  get room() {
    return this.#room;
  }

  /** To where one goes on writing; on glass that would open the keyboard. */
  focus() {
    (isTouch() ? this.log.log : this.composer.text).focus({ preventScroll: true });
  }

  /** Loaded when somebody wants one; without a network nothing opens, and the bar says why. */
  async #addEmoji() {
    const emoji = await import('./emoji-picker.js').then(({ pickEmoji }) => pickEmoji(), () => '');
    if (emoji) this.composer.insert(emoji);
    this.focus();
  }

  /** Loaded when somebody comes near a message. @param {Event} event */
  #act(event) {
    this.#actions ??= import('./message-actions.js').then(({ loadActions }) => loadActions(this));
    this.#actions.then((actions) => actions.handle(event), () => (this.#actions = null));
  }

  /** Files come over the conversation, or are let go. @param {any} event */
  #moved(event) {
    const data = event.dataTransfer ?? event.clipboardData;
    if (!data.types.includes('Files') || (event.clipboardData && data.types.includes('text/plain'))) return;
    event.preventDefault();
    this.#bring(event.type, data.files);
  }

  /** Loaded when somebody has files. @param {string} how @param {FileList | null} list */
  #bring(how, list) {
    const brought = [...(list ?? [])];
    this.#tray ??= import('./files-tray.js').then(({ loadTray }) => loadTray(this));
    this.#tray.then((tray) => tray.handle(how, brought), () => (this.#tray = null));
  }

  /** A message that is answered but not loaded. @param {string} id @returns {Message | null | undefined} */
  #original(id) {
    if (this.originals) return this.originals.find(this.#room, id);
    import('../models/originals.js').then(({ Originals }) => {
      this.originals ??= new Originals(this.chat);
      this.draw();
    }, () => undefined);
  }

  /** What failed for want of a connection is tried again. */
  #reconnected() {
    if (!this.notice.hidden && !find(this.notice, 'button', HTMLButtonElement).hidden) void this.open(this.#room);
    else if (this.#olderFailed) void this.#loadOlder(true);
  }

  #leave() {
    this.composer.endTask();
    this.chat.changes?.settle();
  }

  /** No room is chosen. */
  close() {
    this.#leave();
    this.#room = '';
    this.#history = null;
    this.#show(this.welcome);
  }

  /**
   * Shows a room, loading what it needs.
   * @param {string} id
   * @param {number} [seq] of the message to go to
   */
  async open(id, seq = 0) {
    const here = seq > 0 && id === this.#room && this.#history !== null;
    if (id !== this.#room) this.#leave();
    this.#room = id;
    try {
      if (!here) await this.#enter(id);
      if (this.#room !== id) return;
      const history = await (seq ? this.chat.openAround(id, seq) : this.chat.open(id));
      if (this.#room !== id) return;
      this.#history = history;
      this.#loading = null;
      this.log.setQuiet(true);
      this.log.goTo(seq);
      this.draw();
      setTimeout(() => this.log.setQuiet(false), ANNOUNCE_AFTER);
    } catch (problem) {
      if (this.#room === id) this.#failedToOpen(problem);
    }
  }

  /** @param {string} id */
  async #enter(id) {
    this.#history = null;
    this.#olderFailed = false;
    this.#loading = null;
    const known = this.chat.rooms.get(id);
    if (known) this.#prepare(known);
    else this.#show(this.skeleton);
    const room = known ?? (await this.chat.roomById(id));
    if (this.#room !== id) return;
    if (!known) this.#prepare(room);
    // The room may have been read further by the time its history is here.
    this.#unreadBefore = room.unread;
    this.#unreadAfter = room.unread > 0 ? room.read_seq : null;
  }

  /** Head and message box are there before the history is. @param {Room} room */
  #prepare(room) {
    const name = displayName(room.other);
    this.#show(this.conversation);
    this.log.reset(`Conversation with ${name}`);
    this.skeleton.hidden = this.chat.history(room.id)?.loaded ?? false;
    this.empty.hidden = true;
    this.older.hidden = true;
    this.jump.hidden = true;
    this.failedBar.hidden = true;
    this.full.hidden = true;
    this.relation.reset();
    this.#drawHead(room);
    this.composer.open(room.id, name);
  }

  /** @param {Room} room */
  #drawHead(room) {
    const { other } = room;
    for (const place of [findHtml(this.root, '#room-head'), this.empty]) {
      drawAvatar(part(place, 'avatar'), other);
      part(place, 'name').textContent = displayName(other);
      part(place, 'username').textContent = other.deleted ? '' : `@${other.username}`;
    }
    this.#drawRelation();
  }

  #drawRelation() {
    const room = this.chat.rooms.get(this.#room);
    if (room) this.relation.draw(room);
    this.#drawPresence();
  }

  /** Read when somebody goes there, never announced. */
  #drawPresence() {
    const room = this.chat.rooms.get(this.#room);
    if (!room) return;
    const head = findHtml(this.root, '#room-head');
    const { presence, typing } = this.chat;
    const words = typing.isWriting(room.id) ? 'typing…' : presence.words(room.other, new Date());
    part(head, 'avatar').classList.toggle('online', presence.isOnline(room.other));
    part(head, 'presence').textContent = words && ` · ${words}`;
  }

  /** @param {HTMLElement} shown */
  #show(shown) {
    this.welcome.hidden = shown !== this.welcome;
    this.notice.hidden = shown !== this.notice;
    this.conversation.hidden = shown !== this.conversation;
    this.skeleton.hidden = shown !== this.skeleton;
  }

  /** @param {unknown} problem */
  #failedToOpen(problem) {
    if (!(problem instanceof Problem)) throw problem;
    const missing = problem.status === 404;
    part(this.notice, 'title').textContent = missing ? 'No such conversation' : 'Couldn’t load this conversation';
    part(this.notice, 'detail').textContent = missing
      ? 'It doesn’t exist, or it isn’t yours.'
      : problem.message;
    find(this.notice, 'button', HTMLButtonElement).hidden = missing;
    this.#show(this.notice);
  }

  draw() {
    const room = this.chat.rooms.get(this.#room);
    const history = this.#history;
    if (!room || !history) return;
    this.#moveDivider(room);
    this.#trim(history);
    const items = (this.items = timeline({
      messages: history.messages,
      waiting: this.chat.outbox.forRoom(room.id),
      changes: this.chat.changes?.forRoom(room.id),
      elsewhere: (id) => this.#original(id),
      me: this.chat.me.id,
      otherReadSeq: room.other_read_seq,
      deliveredSeq: room.other_delivered_seq,
      unreadAfter: this.#isDividerIn(history) ? this.#unreadAfter : null,
    }));
    if (!files.draw && items.some((item) => item.kind === 'message' && item.attachments.length)) {
      // Drawn later they would push everything away.
      this.#drawsFiles ??= import('./files-view.js')
        .then(({ styled }) => styled)
        .catch(() => void (files.draw = () => undefined)) // words stand for them
        .then(() => this.draw());
      return;
    }
    this.skeleton.hidden = true;
    this.empty.hidden = items.length > 0;
    this.older.hidden = !history.hasOlder;
    this.#drawHead(room);
    this.#drawFailedBar();
    const { hasOlder, hasNewer } = history;
    this.log.draw(items, { other: displayName(room.other), hasOlder, hasNewer });
  }

  /** What comes while nobody looks gets the line, unless older unread messages have it. @param {Room} room */
  #moveDivider(room) {
    if (this.#unreadBefore === 0 && room.unread > 0 && !isLooking()) this.#unreadAfter = room.read_seq;
    this.#unreadBefore = room.unread;
  }

  /** Whether the line stands in what is loaded, and not above. @param {RoomHistory} history */
  #isDividerIn(history) {
    return this.#unreadAfter !== null && (!history.hasOlder || history.lowest <= this.#unreadAfter + 1);
  }

  /** Cuts what is farthest from the reader. @param {RoomHistory} history */
  #trim(history) {
    const atOlderEnd = this.#loading === 'older' || (this.#loading === null && !this.log.atBottom);
    history.trim(MAX_SHOWN, atOlderEnd ? 'newer' : 'older');
  }

  // Loading more

  /** @param {boolean} again whether the reader asked for it after a failure */
  async #loadOlder(again) {
    if (!this.#history || (this.#olderFailed && !again)) return;
    this.#olderFailed = false;
    const failed = await this.#load('older', (history) => this.chat.loadOlder(history));
    this.#olderFailed = failed;
    this.older.classList.toggle('failed', failed);
    if (!failed && !this.#loading) this.log.check();
  }

  async #loadNewer() {
    if (!this.#history || Date.now() < this.#newerNotBefore) return;
    const failed = await this.#load('newer', (history) => this.chat.loadNewer(history));
    if (failed) this.#newerNotBefore = Date.now() + RELOAD_AFTER;
    else if (!this.#loading) this.log.check();
  }

  /**
   * One load at a time; what it brings is drawn before the next may begin.
   * @param {"older" | "newer"} end
   * @param {(history: RoomHistory) => Promise<void>} load
   * @returns {Promise<boolean>} whether it failed
   */
  async #load(end, load) {
    const history = this.#history;
    if (!history || this.#loading) return false;
    this.#loading = end;
    this.log.setQuiet(true);
    try {
      await load(history);
      if (history === this.#history) this.draw();
      return false;
    } catch (problem) {
      if (problem instanceof Problem) return true;
      throw problem;
    } finally {
      if (history === this.#history) {
        this.#loading = null;
        this.log.setQuiet(false);
      }
    }
  }

  async #jumpToNewest() {
    const history = this.#history;
    if (!history) return;
    try {
      await this.chat.loadNewest(history);
    } catch {
      return; // the bar above says that there is no connection
    }
    if (history !== this.#history) return;
    this.log.follow();
    this.draw();
  }

  // Reading

  #placeChanged() {
    this.#drawJump();
    this.#scheduleRead();
  }

  #drawJump() {
    const unread = this.chat.rooms.get(this.#room)?.unread ?? 0;
    const away = !this.log.atBottom || (this.#history?.hasNewer ?? false);
    this.jump.hidden = !away || !(unread > 0 || this.log.isFar);
    part(this.jump, 'count').textContent = unread > 0 ? `${unread} new` : '';
    this.jump.setAttribute('aria-label', unread > 0 ? `Go to ${unread} new messages` : 'Go to the newest message');
  }

  #scheduleRead() {
    clearTimeout(this.#reading);
    this.#reading = setTimeout(() => {
      const seen = this.#history && isLooking() ? this.log.lastSeen : 0;
      if (seen > 0) this.chat.markRead(this.#room, seen);
    }, READ_AFTER);
  }

  // Writing

  /** @param {string} body @param {string} [reply_to] the message it answers */
  send(body, reply_to) {
    const tray = this.composer.files;
    const attachments = tray?.take();
    if (!this.#room || attachments === null) return false;
    const taken = this.chat.sendMessage(this.#room, body, reply_to, attachments);
    this.full.hidden = taken;
    if (!taken) return false;
    tray?.clear();
    this.log.follow();
    if (this.#history?.hasNewer) void this.#jumpToNewest();
    return true;
  }

  /** My messages that were refused. */
  failed() {
    return this.chat.outbox.forRoom(this.#room).filter((entry) => entry.state === 'failed');
  }

  #drawFailedBar() {
    const count = this.failed().length;
    this.failedBar.hidden = count < 2;
    part(this.failedBar, 'text').textContent = `${count} messages not sent`;
  }
}

export const isLooking = () => document.visibilityState === 'visible' && document.hasFocus();
