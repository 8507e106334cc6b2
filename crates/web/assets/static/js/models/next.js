/**
 * The path to return to after signing in, or `fallback` when `next` could lead anywhere else.
 * Parsing is left to the URL parser, because it drops tabs and line breaks a pattern would miss.
 * @param {string | null | undefined} next
 * @param {string} [fallback]
 */
export function localPath(next, fallback = '/chat/') {
  if (!next || !/^\/(?![/\\])/.test(next)) return fallback;
  const base = 'http://here.invalid';
  try {
    const url = new URL(next, base);
    return url.origin === base ? url.pathname + url.search + url.hash : fallback;
  } catch {
    return fallback;
  }
}

/**
 * `path`, carrying the wish to return to `next` along.
 * @param {string} path
 * @param {string | null | undefined} next
 */
export function withNext(path, next) {
  const target = localPath(next, '');
  return target ? `${path}?next=${encodeURIComponent(target)}` : path;
}
