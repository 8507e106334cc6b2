// The files that will go with what is being written: loaded when somebody has some.

/** @import {Upload} from '../models/uploads.js' */
/** @import {ConversationView} from './conversation-view.js' */
import { element } from '../lib/dom.js';
import { upload } from '../lib/upload.js';
import { Uploads, sizeOf } from '../models/uploads.js';
import { styled } from './files-view.js'; // to show what is sent, even without a connection
import { icon } from './lazy.js';

/** @param {ConversationView} view */
export async function loadTray(view) {
  await styled;
  return (view.composer.files = new FilesTray(view));
}

/** Above the message box: each file with how far it is, and what can be done about it. */
export class FilesTray {
  /** What each file is drawn with. @type {Map<Upload, Chip>} */
  #chips = new Map();
  /** The room whose message goes as soon as its files are there. */
  #holding = '';

  /** @param {ConversationView} view */
  constructor(view) {
    this.view = view;
    this.composer = view.composer;
    this.uploads = new Uploads(async (one, onProgress) => {
      const path = `/api/rooms/${encodeURIComponent(one.room)}/attachments?${new URLSearchParams({ name: one.file.name })}`;
      try {
        return await upload(path, one.file, onProgress, one.cancel.signal);
      } catch (problem) {
        if (/** @type {any} */ (problem).status === 401) void view.chat.catchUp(); // says that the session is over
        throw problem;
      }
    });
    this.list = element('ul', '', 'tray');
    this.list.setAttribute('aria-label', 'Files to send');
    this.said = element('p', '', 'visually-hidden');
    this.said.setAttribute('role', 'status');
    this.note = element('p', '', 'tray-note');
    this.note.setAttribute('role', 'status');
    this.refusal = element('p', '', 'failed-bar');
    this.refusal.setAttribute('role', 'alert');
    this.refusal.hidden = true;
    this.composer.form.before(this.said, this.refusal, this.note, this.list);
    this.drop = element('p', 'Drop files here to attach them', 'drop-here');
    this.drop.hidden = true;
    view.log.log.after(this.drop);
    addEventListener('beforeunload', (event) => {
      if (!this.uploads.isEmpty) event.preventDefault(); // they would be lost
    });
    this.uploads.on('change', (room) => room === view.room && this.draw());
    this.uploads.on('done', (one) => this.#done(one));
    this.draw();
  }

  /** @param {string} how files come @param {File[]} files */
  handle(how, files) {
    const canWrite = !this.composer.form.hidden;
    this.drop.hidden = how !== 'dragover' || !canWrite;
    if (files.length === 0 || !canWrite || (how !== 'drop' && how !== 'paste')) return;
    this.release();
    this.refusal.textContent = this.uploads.add(this.view.room, files);
    this.refusal.hidden = !this.refusal.textContent;
    this.composer.text.focus({ preventScroll: true });
  }

  /** How many there are. */
  get count() {
    return this.uploads.of(this.view.room).length;
  }

  /** What the message is to name; `null` while it has to wait: then it goes by itself. */
  take() {
    const { room } = this.view;
    const ready = this.uploads.ready(room);
    const failed = this.uploads.of(room).some(({ state }) => state === 'failed');
    this.#holding = ready || failed ? '' : room;
    if (failed) this.#refuse('Some files are not uploaded. Retry or remove them, then send.');
    this.#drawNote();
    return ready;
  }

  /** They went with a message. */
  clear() {
    this.refusal.hidden = true;
    this.uploads.clear(this.view.room);
  }

  /** A message that waits for its files no longer goes by itself. */
  release() {
    this.#holding = '';
    this.#drawNote();
  }

  /** @param {Upload} one */
  #done(one) {
    const here = one.room === this.view.room;
    if (here) this.said.textContent = one.state === 'there' ? `${one.file.name} is uploaded` : `${one.file.name} could not be uploaded. ${one.why}`;
    if (this.#holding !== one.room) return;
    if (!here || one.state === 'failed') this.release();
    else if (this.uploads.ready(one.room)) this.composer.submit();
  }

  /** @param {string} why */
  #refuse(why) {
    this.refusal.textContent = why;
    this.refusal.hidden = false;
  }

  #drawNote() {
    this.note.hidden = !this.#holding || this.#holding !== this.view.room;
    this.note.textContent = this.note.hidden ? '' : 'Goes as soon as its files are uploaded.';
  }

  /** Shows the files of the room that is open. */
  draw() {
    const { room } = this.view;
    if (this.#holding !== room) this.#holding = '';
    const all = this.uploads.of(room);
    const before = this.#chips;
    this.#chips = new Map(all.map((one) => [one, before.get(one) ?? this.#chip(one)]));
    for (const [one, chip] of this.#chips) drawChip(chip, one);
    const chips = [...this.#chips.values()].map(({ item }) => item);
    if (chips.length !== this.list.children.length || chips.some((chip, i) => this.list.children[i] !== chip)) {
      const focused = this.list.contains(document.activeElement);
      this.list.replaceChildren(...chips);
      if (focused) this.view.focus();
      if (all.length === 0) this.refusal.hidden = true;
    }
    this.list.hidden = all.length === 0;
    this.#drawNote();
    this.composer.changed();
  }

  /** @param {Upload} one */
  #chip(one) {
    const item = element('li', '', 'upload');
    const words = element('div', '', 'upload-words');
    const name = element('bdi', one.file.name);
    name.title = one.file.name;
    const state = element('small', '');
    const bar = element('progress', '');
    bar.max = one.file.size;
    bar.setAttribute('aria-label', `Upload of ${one.file.name}`);
    words.append(name, state, bar);
    const retry = element('button', 'Retry', 'link');
    retry.type = 'button';
    retry.setAttribute('aria-label', `Retry ${one.file.name}`);
    retry.onclick = () => {
      this.refusal.hidden = true;
      this.uploads.retry(one);
      remove.focus();
    };
    const remove = element('button', '', 'icon-button');
    remove.type = 'button';
    remove.append(icon('close'));
    remove.onclick = () => this.uploads.remove(one);
    item.append(icon('file'), words, retry, remove);
    return { item, state, bar, retry, remove };
  }
}

/** @typedef {{item: HTMLLIElement, state: HTMLElement, bar: HTMLProgressElement, retry: HTMLButtonElement, remove: HTMLButtonElement}} Chip */

/** @param {Chip} chip @param {Upload} one */
function drawChip({ item, state, bar, retry, remove }, { file, state: now, sent, why }) {
  item.dataset.state = now;
  const size = sizeOf(file.size);
  state.textContent = { waiting: `${size}, waiting`, going: `${sizeOf(sent)} of ${size}`, there: size, failed: why }[now];
  bar.hidden = now !== 'going';
  bar.value = sent;
  retry.hidden = now !== 'failed';
  const word = now === 'going' || now === 'waiting' ? 'Cancel' : 'Remove';
  remove.setAttribute('aria-label', `${word} ${file.name}`);
  remove.title = word;
}
