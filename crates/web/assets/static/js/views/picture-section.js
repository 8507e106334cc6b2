// One's own picture: chosen or dropped, cut to a square here, and sent.

/** @import {User} from '../lib/types.js' */
import { Problem, call } from '../lib/api.js';
import { find, findHtml, part } from '../lib/dom.js';
import { Crop } from '../models/crop.js';
import { drawAvatar } from './avatar.js';

const EDGE = 512;
const LARGEST = 50 * 1024 * 1024;
const STEP = 0.05;
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

export class PictureSection {
  /** @type {ImageBitmap | null} */
  #image = null;
  #crop = new Crop(1, 1);
  /** @type {AbortController | null} */
  #sending = null;

  /** @param {User} me @param {() => void} signIn */
  constructor(me, signIn) {
    this.signIn = signIn;
    this.section = findHtml(document, '#picture');
    this.choice = find(this.section, '#picture-file', HTMLInputElement);
    this.canvas = find(this.section, 'canvas', HTMLCanvasElement);
    this.zoom = find(this.section, '#picture-zoom', HTMLInputElement);
    this.#listen();
    this.#show(me);
    this.section.hidden = false;
  }

  #listen() {
    const on = (/** @type {string} */ name, /** @type {() => void} */ act) =>
      part(this.section, name).addEventListener('click', act);
    on('choose', () => this.choice.click());
    on('remove', () => void this.#send('DELETE', 'Your picture is removed.'));
    on('save', () => void this.#save());
    on('cancel', () => this.#cancel());
    this.choice.addEventListener('change', () => void this.#take(this.choice.files?.[0]));
    this.zoom.addEventListener('input', () => this.#change((crop) => crop.enlarge(Number(this.zoom.value))));
    this.canvas.addEventListener('keydown', (event) => {
      const arrow = ARROWS[event.key];
      if (!arrow) return;
      event.preventDefault();
      this.#change((crop) => crop.move(...arrow));
    });
    let [x, y] = [0, 0];
    this.canvas.addEventListener('pointerdown', (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      [x, y] = [event.clientX, event.clientY];
    });
    this.canvas.addEventListener('pointermove', (event) => {
      if (!this.canvas.hasPointerCapture(event.pointerId)) return;
      const { clientWidth: wide } = this.canvas;
      const [right, down] = [(x - event.clientX) / wide, (y - event.clientY) / wide];
      [x, y] = [event.clientX, event.clientY];
      this.#change((crop) => crop.move(right, down));
    });
    this.section.addEventListener('dragover', (event) => {
      event.preventDefault();
      this.section.classList.add('over');
    });
    this.section.addEventListener('dragleave', () => this.section.classList.remove('over'));
    this.section.addEventListener('drop', (event) => {
      event.preventDefault();
      this.section.classList.remove('over');
      void this.#take(event.dataTransfer?.files[0]);
    });
  }

  /** @param {User} me */
  #show(me) {
    drawAvatar(part(this.section, 'avatar'), me);
    part(this.section, 'remove').hidden = !me.picture_url;
  }

  /** @param {boolean} edits */
  #edit(edits) {
    part(this.section, 'editor').hidden = !edits;
    part(this.section, 'now').hidden = edits;
    if (edits) return this.canvas.focus();
    this.#image?.close();
    this.#image = null;
    this.choice.value = '';
    part(this.section, 'choose').focus();
  }

  /** @param {File | undefined} file */
  async #take(file) {
    if (!file) return;
    this.#say('');
    try {
      if (file.size > LARGEST) throw new RangeError();
      this.#image = await createImageBitmap(file);
    } catch {
      this.choice.value = '';
      this.#say('This file can’t be shown as a picture. Choose a PNG, JPEG, WebP or GIF image.', 'error');
      return;
    }
    this.#crop = new Crop(this.#image.width, this.#image.height);
    this.zoom.value = '1';
    this.#edit(true);
    this.#draw();
  }

  /** @param {(crop: Crop) => void} how */
  #change(how) {
    how(this.#crop);
    this.#draw();
  }

  #draw() {
    const context = this.canvas.getContext('2d');
    if (!context || !this.#image) return;
    const { left, top, edge } = this.#crop;
    context.fillStyle = '#fff';
    context.fillRect(0, 0, EDGE, EDGE);
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.#image, left, top, edge, edge, 0, 0, EDGE, EDGE);
  }

  async #save() {
    /** @type {Blob | null} */
    const blob = await new Promise((done) => this.canvas.toBlob(done, 'image/png'));
    if (blob) await this.#send('PUT', 'Saved', blob);
  }

  #cancel() {
    if (this.#sending) this.#sending.abort();
    else this.#edit(false);
  }

  /** @param {string} method @param {string} done @param {Blob} [blob] */
  async #send(method, done, blob) {
    this.#sending = new AbortController();
    this.#say(blob ? 'Sending …' : '');
    this.#busy(true);
    try {
      this.#show(await call(method, '/api/me/picture', blob, this.#sending.signal));
      this.#edit(false);
      this.#say(done, 'done');
    } catch (problem) {
      if (this.#sending.signal.aborted) this.#say('Not sent.');
      else if (!(problem instanceof Problem)) throw problem;
      else if (problem.status === 401) this.signIn();
      else this.#say(`${problem.message}.`.replace('..', '.'), 'error');
    } finally {
      this.#sending = null;
      this.#busy(false);
    }
  }

  /** @param {boolean} busy */
  #busy(busy) {
    for (const name of ['save', 'remove', 'choose']) find(this.section, `[data-part="${name}"]`, HTMLButtonElement).disabled = busy;
  }

  /** @param {string} text @param {'error' | 'done'} [kind] */
  #say(text, kind = 'done') {
    const notice = part(this.section, 'notice');
    notice.dataset.kind = kind;
    notice.textContent = text;
    notice.hidden = !text;
  }
}
