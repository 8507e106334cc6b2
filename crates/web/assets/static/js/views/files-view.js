// The files of messages: loaded with the first message that has some.

/** @import {Attachment, MessageItem} from '../lib/types.js' */
import { element, part } from '../lib/dom.js';
import { sizeOf } from '../models/uploads.js';
import { icon, loadStyle } from './lazy.js';
import { files } from './message-view.js';

/** Longest and shortest edge of a picture in the conversation. */
const LONGEST = 320;
const SHORTEST = 48;
/** Until a picture that did not come is asked for again, doubled each time, and how often. */
const AGAIN_AFTER = 2000;
const TRIES = 6;

/** What a message shows already; it never gets other files. @type {WeakMap<HTMLElement, string>} */
const shown = new WeakMap();

export const styled = loadStyle('files').then(() => void (files.draw = drawFiles));

/** @param {HTMLElement} node @param {MessageItem} item */
function drawFiles(node, { attachments, content, body }) {
  part(node, 'body').classList.toggle('visually-hidden', content === 'text' && !body && attachments.length > 0);
  const all = content === 'text' ? attachments : [];
  const version = all.map(({ id }) => id).join();
  if ((shown.get(node) ?? '') === version) return;
  shown.set(node, version);
  node.querySelector('.files')?.remove();
  if (all.length === 0) return;
  const pictures = all.filter(({ preview_url }) => preview_url);
  const box = element('div', '', 'files');
  if (pictures.length > 0) {
    const grid = element('div', '', pictures.length > 1 ? 'pictures many' : 'pictures');
    grid.append(...pictures.map(drawPicture));
    box.append(grid);
  }
  box.append(...all.filter(({ preview_url }) => !preview_url).map(drawFile));
  part(node, 'body').before(box);
}

/** Its place is there before it is, so that nothing moves when it comes. @param {Attachment} picture */
function drawPicture({ name, url, preview_url, width, height }) {
  const link = element('a', '', 'picture-link');
  link.href = url;
  link.target = '_blank';
  link.rel = 'noopener';
  link.title = name;
  const image = element('img', '');
  const [w, h] = [width ?? 1, height ?? 1];
  const scale = Math.min(1, LONGEST / w, LONGEST / h);
  [image.width, image.height] = [w, h].map((edge) => Math.max(SHORTEST, Math.round(edge * scale)));
  image.style.aspectRatio = `${image.width} / ${image.height}`;
  image.alt = `Photo ${name}`.trim();
  image.decoding = 'async';
  image.src = preview_url ?? '';
  let failures = 0;
  image.onerror = () => {
    failures += 1;
    if (failures < TRIES) setTimeout(() => (image.src = preview_url ?? ''), AGAIN_AFTER * 2 ** (failures - 1));
  };
  link.append(image);
  return link;
}

/** @param {Attachment} file */
function drawFile({ name, size, url }) {
  const link = element('a', '', 'file');
  link.href = url;
  link.download = name;
  link.title = `Download ${name}`;
  const words = element('span', '', 'file-words');
  const called = element('bdi', name || 'File');
  words.append(called, element('small', sizeOf(size)));
  link.append(icon('file'), words, icon('down'));
  return link;
}
