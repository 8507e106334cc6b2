import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { withPartials } from './support.js';

const assets = fileURLToPath(new URL('../../../crates/web/assets/', import.meta.url));

/** @type {{name: string, kind: string, text: string}[]} */
const files = readdirSync(assets, { recursive: true, withFileTypes: true })
  .filter((/** @type {any} */ entry) => entry.isFile())
  .map((/** @type {any} */ entry) => join(entry.parentPath ?? entry.path, entry.name))
  .map((/** @type {string} */ path) => {
    const [kind, text] = [extname(path), readFileSync(path, 'utf8')];
    return { name: relative(assets, path), kind, text: kind === '.html' ? withPartials(text) : text };
  });

const pages = files.filter(({ name }) => name.startsWith('pages/'));

/** @param {RegExp} pattern @param {string[]} kinds */
function nowhere(pattern, kinds) {
  for (const { name, kind, text } of files) {
    if (kinds.includes(kind)) assert.doesNotMatch(text, pattern, name);
  }
}

test('there are pages, styles and modules to look at', () => {
  for (const kind of ['.html', '.css', '.js']) assert.ok(files.filter((file) => file.kind === kind).length >= 8, kind);
});

test('nothing turns text into markup or code', () => {
  nowhere(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\('on/, ['.js', '.html']);
});

test('no page has scripts, styles or handlers of its own', () => {
  nowhere(/\sstyle=|<style|\son\w+=|javascript:/i, ['.html']);
  for (const { name, text } of pages) {
    for (const [, inside] of text.matchAll(/<script[^>]*>([^]*?)<\/script>/g)) assert.equal(inside.trim(), '', name);
  }
});

test('nothing is loaded from elsewhere', () => {
  nowhere(/(?:src|href|action)="(?:https?:)?\/\//, ['.html']);
  nowhere(/(?:url\(|@import)\s*["']?(?:https?:)?\/\//, ['.css']);
  nowhere(/(?:from|import)\s*\(?\s*['"](?!\.)/, ['.js']);
});

test('every page can be enlarged', () => {
  for (const { name, text } of pages) {
    assert.match(text, /name="viewport"/, name);
    assert.doesNotMatch(text, /user-scalable|maximum-scale/, name);
  }
});

test('everything a page names is there', () => {
  const known = new Set(files.map(({ name }) => name));
  for (const { name, text } of pages) {
    for (const [, path] of text.matchAll(/\{\{static\}\}\/([^"]+)"/g)) assert.ok(known.has(join('static', path)), `${name}: ${path}`);
  }
});

test('styles name colours, sizes and distances by their role', () => {
  const free = new Set(['tokens.css', 'avatar.css', 'dialog.css']); // the avatars' palette, the backdrop
  for (const { name, kind, text } of files) {
    if (kind === '.css' && !free.has(name.split('/').at(-1) ?? '')) assert.doesNotMatch(text, /#[0-9a-f]{3,8}\b(?!\s*[{,:>+~])/i, name);
  }
});

test('comments on lines of their own can be cut without reading the code', () => {
  for (const { name, kind, text } of files) {
    if (kind !== '.js' && kind !== '.css') continue;
    let inComment = false;
    for (const line of text.split('\n')) {
      const opens = line.trimStart().startsWith('/*');
      if (!inComment && !opens) assert.ok(!/\/\*(?!.*\*\/)/.test(line), `${name}: ${line}`);
      if (opens) inComment = true;
      if (!inComment) assert.equal((line.match(/(?<!\\)`/g) ?? []).length % 2, 0, `${name}: ${line}`);
      if (inComment && line.includes('*/')) inComment = false;
    }
  }
});
