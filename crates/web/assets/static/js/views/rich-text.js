import { element } from '../lib/dom.js';
import { tokenize } from '../models/text.js';

/**
 * Text with its web addresses as links, for `replaceChildren`.
 * @param {string} text
 * @returns {Node[]}
 */
export function richText(text) {
  return tokenize(text).map((token) => {
    if (!token.href) return document.createTextNode(token.text);
    const link = element('a', token.text);
    link.href = token.href;
    link.target = '_blank';
    link.rel = 'noopener noreferrer nofollow';
    return link;
  });
}
