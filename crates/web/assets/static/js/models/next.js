/** One slash, and no second one that would name a host. */
const LOCAL = /^\/(?![/\\])/;

/**
 * The path to return to after signing in, or `fallback` when `next` could lead anywhere else.
 * Parsing is left to the URL parser, because it drops tabs and line breaks a pattern would miss.
 * @param {string | null | undefined} next
 * @param {string} [fallback]
 */
export function localPath(next, fallback = '/chat/') {
  if (!next || !LOCAL.test(next)) return fallback;
  const base = 'http://here.invalid';
  try {
    const url = new URL(next, base);
    const path = url.pathname + url.search + url.hash;
    // Resolving dots can bring forth a second slash: /..//elsewhere.
    return url.origin === base && LOCAL.test(path) ? path : fallback;
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
