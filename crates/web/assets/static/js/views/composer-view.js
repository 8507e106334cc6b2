/** @import {Task} from '../lib/types.js' */
/** @import {FilesTray} from './files-tray.js' */
/** @import {LocalStore} from '../models/local-store.js' */
import { find, findHtml, isTouch } from '../lib/dom.js';
import { MAX_LENGTH, normalizeBody, scalarCount } from '../models/text.js';

/** From here on the length is shown. */
const COUNT_FROM = 3800;
const SAVE_AFTER = 300;

/** The box messages are written in; what is in it is kept for each room. */
export class ComposerView {
  /** @type {Task | null} */
  #task = null;
  /** What I was writing before a task put its text there. */
  #draft = '';
  #room = '';
  /** What goes along, once somebody brought files. @type {FilesTray | null} */
  files = null;
  /** What is kept, as far as this page knows: another may have changed it since. */
  #kept = '';
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #saving;

  /**
   * @param {HTMLElement} root
   * @param {LocalStore} store
   * @param {(body: string) => boolean} send answers whether the message was taken
   */
  constructor(root, store, send) {
    this.store = store;
    this.send = send;
    this.form = find(root, '#composer', HTMLFormElement);
    this.text = find(this.form, 'textarea', HTMLTextAreaElement);
    this.button = find(this.form, '.send', HTMLButtonElement);
    this.counter = findHtml(this.form, '#counter');
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.submit();
    });
    this.text.addEventListener('input', () => this.changed());
    this.text.addEventListener('keydown', (event) => this.#keydown(event));
    addEventListener('pagehide', () => this.#save());
    addEventListener('resize', () => this.#grow());
  }

  /** @param {string} room @param {string} name of the other person */
  open(room, name) {
    this.endTask();
    if (this.#room) this.#save();
    this.#room = room;
    this.text.value = this.#kept = this.store.get(`draft:${room}`) ?? '';
    this.text.setAttribute('aria-label', `Message to ${name}`);
    this.files?.draw();
    this.#count();
    this.#grow();
    if (!isTouch()) this.text.focus({ preventScroll: true });
  }

  /** @param {Task} task */
  begin(task) {
    this.endTask();
    this.#save();
    this.files?.release();
    this.#task = task;
    if (task.text !== undefined) {
      this.#draft = this.text.value;
      this.text.value = task.text;
    }
    this.changed();
    this.text.focus({ preventScroll: true });
  }

  endTask() {
    const task = this.#task;
    this.#task = null;
    if (task?.text !== undefined) this.text.value = this.#draft;
    if (!task) return;
    task.over();
    this.changed();
  }

  /** Puts something where the cursor is, in place of what is selected. @param {string} what */
  insert(what) {
    const { selectionStart, selectionEnd } = this.text;
    this.text.setRangeText(what, selectionStart, selectionEnd, 'end');
    this.text.dispatchEvent(new InputEvent('input', { bubbles: true }));
  }

  changed() {
    this.#count();
    this.#grow();
    clearTimeout(this.#saving);
    this.#saving = setTimeout(() => this.#save(), SAVE_AFTER);
  }

  #save() {
    clearTimeout(this.#saving);
    if (!this.#room || this.#task?.text !== undefined || this.text.value === this.#kept) return;
    this.#kept = this.text.value;
    if (this.text.value.trim()) this.store.set(`draft:${this.#room}`, this.text.value);
    else this.store.remove(`draft:${this.#room}`);
  }

  #count() {
    const body = normalizeBody(this.text.value);
    const length = scalarCount(body);
    const tooLong = length > MAX_LENGTH;
    this.button.disabled = this.#isEmpty(body) || tooLong;
    this.counter.hidden = length <= COUNT_FROM;
    this.counter.textContent = this.counter.hidden ? '' : `${length.toLocaleString('en')} / ${MAX_LENGTH.toLocaleString('en')}`;
    this.counter.classList.toggle('over', tooLong);
    this.text.setAttribute('aria-invalid', String(tooLong));
  }

  /** Files need no words, but do not go with an edit. @param {string} body */
  #isEmpty(body) {
    return !body && (this.#task?.text !== undefined || !this.files?.count);
  }

  /** As high as its text, within what the style allows. */
  #grow() {
    this.text.style.height = 'auto';
    const borders = this.text.offsetHeight - this.text.clientHeight;
    this.text.style.height = `${this.text.scrollHeight + borders}px`;
  }

  /** @param {KeyboardEvent} event */
  #keydown(event) {
    if (event.key === 'Escape' && this.#task && !event.isComposing) {
      event.preventDefault();
      this.endTask();
      return;
    }
    // keyCode 229: the Enter that ends a composition, in browsers that say so only this way.
    if (event.key !== 'Enter' || event.isComposing || event.keyCode === 229) return;
    const always = event.ctrlKey || event.metaKey;
    if (!always && (event.shiftKey || event.altKey || isTouch())) return;
    event.preventDefault();
    this.submit();
  }

  submit() {
    const body = normalizeBody(this.text.value);
    const task = this.#task;
    if (this.#isEmpty(body) || scalarCount(body) > MAX_LENGTH || !(task?.submit ?? this.send)(body)) return;
    if (task?.text === undefined) this.text.value = '';
    this.endTask();
    this.changed();
    this.#save();
    this.text.focus({ preventScroll: true });
  }
}
