// Why one's data is not given now, in sentences.

/** @type {Record<string, string>} */
const SENTENCES = {
  export_underway: 'Your data is being downloaded already. Wait until that has ended.',
  busy: 'Many people download their data just now. Please try again in a minute.',
  unavailable: 'Your data can’t be read just now. Please try again in a moment.',
};

/**
 * The sentence for a code of the server's; `wait` is how many seconds it asks for.
 * @param {string | null} code
 * @param {number} wait
 */
export function sentence(code, wait) {
  if (code === null) return null;
  if (code !== 'rate_limited') return Object.hasOwn(SENTENCES, code) ? SENTENCES[code] : 'Your data was not given. Please try again.';
  const minutes = Math.ceil(wait / 60);
  const when = minutes > 1 ? `in ${minutes} minutes` : 'in a minute';
  return `You have downloaded your data a few times in a row. You can do it again ${when}.`;
}
