// What became of a visit to Google, in sentences.

/** @type {Record<string, string>} */
const SENTENCES = {
  stale: 'That visit to Google took too long, or was begun elsewhere. Please try again.',
  denied: 'Google was not allowed to say who you are. Nothing has changed.',
  away: 'Google does not answer just now. Please try again in a moment.',
  refused: 'Google’s answer did not hold up, so it does not count. Please try again.',
  email_unproved: 'Google does not say that your email address is yours. Confirm it there, or create an account with a password.',
  taken: 'That Google account is linked with somebody else’s account here.',
  linked_otherwise: 'The account here is linked with another Google account. Use that one, or your password.',
  disabled: 'This account is disabled. Ask whoever runs this Sotto.',
  throttled: 'Too many tries. Please wait a minute.',
};

/** The sentence for a word of the server's, if it is one. @param {string | null} word */
export const sentence = (word) => (word !== null && Object.hasOwn(SENTENCES, word) ? SENTENCES[word] : null);
