import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { withPartials } from './support.js';

const assets = fileURLToPath(new URL('../../../crates/web/assets/', import.meta.url));
const LIMIT = 54 * 1024;

/** Files that `text` of `file` makes a browser load at once: a dynamic import waits until it is asked for. @param {string} file @param {string} text @returns {string[]} */
function loads(file, text) {
  if (file.endsWith('.html')) {
    return [...text.matchAll(/\{\{static\}\}\/([^"]+)"/g)].map(([, path]) => join(assets, 'static', path));
  }
  const code = text.replace(/\/\*[^]*?\*\//g, '');
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

/** Cuts comments that have lines of their own. @param {string} text */
const withoutComments = (text) => text.replace(/^\s*\/\*[^]*?\*\/[^\S\n]*\n|^\s*\/\/.*\n/gm, '');

test('the chat page with all it loads is at most 54 KiB compressed', () => {
  const files = [...reachable(join(assets, 'pages/chat.html'))];
  const weigh = (/** @type {(text: string) => string} */ prepare) =>
    files.reduce((sum, file) => sum + gzipSync(prepare(read(file)), { level: 6 }).length, 0);
  const total = weigh((text) => text);
  const bare = weigh(withoutComments);
  const kib = (/** @type {number} */ bytes) => (bytes / 1024).toFixed(1);
  console.log(`chat page: ${files.length} files, ${kib(total)} KiB compressed as written, ${kib(bare)} KiB without comments`);
  assert.ok(files.length > 30, 'the walk reaches the modules and the styles');
  assert.ok(total <= LIMIT, `${total} bytes are more than ${LIMIT}`);
});

test('every first-level module of the chat page is preloaded', () => {
  const html = read(join(assets, 'pages/chat.html'));
  const preloaded = loads('chat.html', html.replace(/<script[^]*?<\/script>/g, ''));
  const entry = join(assets, 'static/js/pages/chat.js');
  for (const module of loads(entry, readFileSync(entry, 'utf8'))) assert.ok(preloaded.includes(module), module);
});
