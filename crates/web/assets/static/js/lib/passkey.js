// Passkeys between the API and the browser: JSON there, bytes here (WebAuthn).

/** What the API hands out. @typedef {{ceremony: string, options: {publicKey: any}}} Ceremony */

/** Whether this browser can have passkeys here: they need a name, not an IP address. */
export const passkeysWork = () =>
  'PublicKeyCredential' in window && !/^[\d.]+$|:/.test(location.hostname);

/** @param {string} text base64url */
function bytes(text) {
  const binary = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

/** @param {ArrayBuffer} buffer */
function text(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/** @param {{id: string}[] | undefined} list */
const descriptors = (list) => (list ?? []).map((entry) => ({ ...entry, id: bytes(entry.id) }));

/** @param {Credential | null} made @returns {PublicKeyCredential} */
function present(made) {
  if (made instanceof PublicKeyCredential) return made;
  throw new Error('The browser gave no passkey');
}

/** @param {PublicKeyCredential} credential @param {Record<string, unknown>} response */
const asJson = (credential, response) => ({
  id: credential.id,
  rawId: text(credential.rawId),
  type: credential.type,
  response: { clientDataJSON: text(credential.response.clientDataJSON), ...response },
  clientExtensionResults: {},
});

/** Has the device make a passkey. @param {Ceremony} begun */
export async function makePasskey({ options: { publicKey } }) {
  const made = present(await navigator.credentials.create({
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      user: { ...publicKey.user, id: bytes(publicKey.user.id) },
      excludeCredentials: descriptors(publicKey.excludeCredentials),
    },
  }));
  const response = /** @type {AuthenticatorAttestationResponse} */ (made.response);
  return asJson(made, { attestationObject: text(response.attestationObject) });
}

/** Has the device sign with a passkey. @param {Ceremony} begun */
export async function usePasskey({ options: { publicKey } }) {
  const used = present(await navigator.credentials.get({
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      allowCredentials: descriptors(publicKey.allowCredentials),
    },
  }));
  const response = /** @type {AuthenticatorAssertionResponse} */ (used.response);
  return asJson(used, {
    authenticatorData: text(response.authenticatorData),
    signature: text(response.signature),
    userHandle: response.userHandle ? text(response.userHandle) : null,
  });
}

/** Why the device did not do it, in words. @param {unknown} error */
export function deviceRefusal(error) {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'InvalidStateError') return 'This device has a passkey for your account already.';
  if (name === 'NotAllowedError' || name === 'AbortError') return 'It was cancelled, or took too long. Nothing has changed.';
  return 'This device can’t do it. Nothing has changed.';
}
