/** @import {Token} from '../models/text.js' */
import { element } from '../lib/dom.js';
import { tokenize } from '../models/text.js';

/**
 * Text with its links, code and emphasis, for `replaceChildren`.
 * @param {string} text
 * @returns {Node[]}
 */
export const richText = (text) => tokenize(text).map(nodeOf);

/** @param {Token} token @returns {Node} */
function nodeOf({ text, href, mark, parts }) {
  if (mark) {
    const marked = element(mark, text);
    if (parts) marked.replaceChildren(...parts.map(nodeOf));
    return marked;
  }
  if (!href) return document.createTextNode(text);
  const link = element('a', text);
  link.href = href;
  link.target = '_blank';
  link.rel = 'noopener noreferrer nofollow';
  return link;
}
