/** @import {Attachment} from '../lib/types.js' */
import { Problem } from '../lib/api.js';
import { Emitter } from '../lib/events.js';

/** Files of one message, and bytes of one file, that the server takes. */
export const MAX_FILES = 10;
export const MAX_SIZE = 20 * 1024 * 1024;
/** At once; a message’s files go in the order they were brought. */
const LANES = 2;

/**
 * A file that is to go with a message.
 * @typedef {object} Upload
 * @property {string} room
 * @property {File} file
 * @property {"waiting" | "going" | "there" | "failed"} state
 * @property {number} sent bytes that went so far
 * @property {string} why it failed
 * @property {Attachment | null} attachment once it is there
 * @property {AbortController} cancel
 */

/**
 * The files of the messages being written, for each room. They go to the server at once, so that a
 * message only has to name them.
 * @extends {Emitter<{change: string, done: Upload}>}
 */
export class Uploads extends Emitter {
  /** @type {Upload[]} */
  #all = [];

  /** @param {(upload: Upload, onProgress: (sent: number) => void) => Promise<Attachment>} bring */
  constructor(bring) {
    super();
    this.bring = bring;
  }

  get isEmpty() {
    return this.#all.length === 0;
  }

  /** @param {string} room */
  of(room) {
    return this.#all.filter((one) => one.room === room);
  }

  /**
   * Takes what can be taken.
   * @param {string} room
   * @param {File[]} files
   * @returns {string} why some were not, in a sentence each
   */
  add(room, files) {
    const space = MAX_FILES - this.of(room).length;
    const fitting = files.filter((file) => file.size > 0 && file.size <= MAX_SIZE);
    const taken = fitting.slice(0, Math.max(space, 0));
    for (const file of taken) {
      this.#all.push({ room, file, state: 'waiting', sent: 0, why: '', attachment: null, cancel: new AbortController() });
    }
    this.#pump(room);
    const why = files.filter((file) => !fitting.includes(file)).map(({ name, size }) => `“${name}” is ${size ? 'larger than 20 MiB' : 'empty'}.`);
    if (taken.length < fitting.length) why.push(`A message takes up to ${MAX_FILES} files; ${fitting.length - taken.length} were left out.`);
    return why.join(' ');
  }

  /** Forgets one, wherever it is. @param {Upload} upload */
  remove(upload) {
    this.#all = this.#all.filter((one) => one !== upload);
    upload.cancel.abort();
    this.#pump(upload.room);
  }

  /** @param {Upload} upload */
  retry(upload) {
    if (upload.state !== 'failed') return;
    Object.assign(upload, { state: 'waiting', sent: 0, why: '' });
    this.#pump(upload.room);
  }

  /** What a message can name; `null` while there is one that is not there. @param {string} room @returns {Attachment[] | null} */
  ready(room) {
    const all = this.of(room);
    return all.every(({ attachment }) => attachment) ? all.flatMap(({ attachment }) => attachment ?? []) : null;
  }

  /** The message has them now. @param {string} room */
  clear(room) {
    this.#all = this.#all.filter((one) => one.room !== room);
    this.emit('change', room);
  }

  /** @param {string} room that changed */
  #pump(room) {
    const going = this.#all.filter(({ state }) => state === 'going').length;
    const next = this.#all.filter(({ state }) => state === 'waiting').slice(0, LANES - going);
    for (const upload of next) void this.#go(upload);
    this.emit('change', room);
  }

  /** @param {Upload} upload */
  async #go(upload) {
    upload.state = 'going';
    try {
      upload.attachment = await this.bring(upload, (sent) => {
        upload.sent = Math.min(sent, upload.file.size);
        this.emit('change', upload.room);
      });
      upload.state = 'there';
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      upload.state = 'failed';
      upload.why = problem.message;
    }
    this.#pump(upload.room);
    if (this.#all.includes(upload)) this.emit('done', upload);
  }
}

/** A size as people read it. @param {number} bytes */
export function sizeOf(bytes) {
  const [unit, count] = bytes < 1024 ? ['B', bytes] : bytes < 1024 ** 2 ? ['KiB', bytes / 1024] : ['MiB', bytes / 1024 ** 2];
  return `${count < 10 && unit !== 'B' ? count.toFixed(1) : Math.round(count)} ${unit}`;
}
