import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { withPartials } from './support.js';

const assets = fileURLToPath(new URL('../../../crates/web/assets/', import.meta.url));
/** Bytes of what a first visit is sent. What else comes is the answers' heads, icons, and what is the person's own. */
const LIMIT = 50 * 1024;
/** What is loaded when somebody wants it. */
const LATER_LIMIT = 52 * 1024;

/** Files that `text` of `file` makes a browser load at once, or later. @param {string} file @param {string} text @param {"at once" | "later"} [when] @returns {string[]} */
function loads(file, text, when = 'at once') {
  if (file.endsWith('.html')) {
    return [...text.matchAll(/\{\{static\}\}\/([^"]+)"/g)].map(([, path]) => join(assets, 'static', path));
  }
  const code = text.replace(/\/\*[^]*?\*\//g, '');
  if (when === 'later') {
    const styles = [...code.matchAll(/\bloadStyle\('([\w-]+)'\)/g)].map(([, name]) => join(assets, `static/css/${name}.css`));
    return [...styles, ...[...code.matchAll(/\bimport\(\s*'([^']+)'/g)].map(([, path]) => join(dirname(file), path))];
  }
  const found = [...code.matchAll(/(?:\bfrom|\bimport)\s*'([^']+)'/g), ...code.matchAll(/(?:@import|url\()\s*["']?([^"')]+)/g)];
  return found.map(([, path]) => join(dirname(file), path));
}

/** A file as it is sent. @param {string} file */
function read(file) {
  const text = readFileSync(file, 'utf8');
  return file.endsWith('.html') ? withPartials(text) : text;
}

/** The file and all it reaches. @param {string} file @param {Set<string>} [seen] */
function reachable(file, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const next of loads(file, read(file))) reachable(next, seen);
  return seen;
}

/** What is loaded later, with all it reaches, without what is there already. @param {Set<string>} there */
function reachableLater(there) {
  const all = new Set(there);
  for (const file of all) {
    for (const next of loads(file, read(file), 'later')) for (const found of reachable(next, new Set(all))) all.add(found);
  }
  return [...all].filter((file) => !there.has(file));
}

/** Cuts comments that have lines of their own. @param {string} text */
const withoutComments = (text) => text.replace(/^\s*\/\*[^]*?\*\/[^\S\n]*\n|^\s*\/\/.*\n/gm, '');

/** @param {string[]} files */
const textOf = (files) => files.map((file) => withoutComments(read(file))).join('');

/** @param {string} text */
const weigh = (text) => gzipSync(text, { level: 9 }).length;

/** @param {number} bytes */
const kib = (bytes) => (bytes / 1024).toFixed(1);

test('the chat page with all it loads is at most 50 KiB compressed', () => {
  const files = [...reachable(join(assets, 'pages/chat.html'))];
  // The server puts all modules together, and all styles.
  const parts = ['.html', '.css', '.js', ''].map((ending) => files.filter((file) => extname(file) === ending || (!ending && /\.(svg|webmanifest)$/.test(file))));
  assert.equal(parts.flat().length, files.length);
  const weights = parts.map((part) => weigh(textOf(part)));
  const total = weights.reduce((sum, bytes) => sum + bytes);
  const [page, style, script] = weights.map(kib);
  console.log(`chat page: ${kib(total)} KiB compressed: ${page} the page, ${style} its style, ${script} its script`);
  assert.ok(files.length > 30, 'the walk reaches the modules and the styles');
  assert.ok(total <= LIMIT, `${total} bytes are more than ${LIMIT}`);
});

test('what it loads later is at most 52 KiB compressed, and none of it comes with the page', () => {
  const first = reachable(join(assets, 'pages/chat.html'));
  const later = reachableLater(first);
  const total = later.reduce((sum, file) => sum + weigh(textOf([file])), 0);
  console.log(`later: ${later.length} files, ${kib(total)} KiB compressed`);
  for (const name of ['views/message-menu.js', 'models/emoji.js', 'css/emoji-picker.css']) {
    assert.ok(later.some((file) => file.endsWith(name)), `${name} is loaded later`);
  }
  assert.ok(total <= LATER_LIMIT, `${total} bytes are more than ${LATER_LIMIT}`);
});
