// An OpenID provider with real signatures, and a page on which its one person agrees or does not. It
// is at `localhost`: to a browser another site than Sotto at 127.0.0.1, as Google is.
import { createHash, createSign, generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

const CLIENT = { id: 'sotto-in-tests', secret: 'a secret' };
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** A running provider. */
export class Provider {
  /** Who signs in there. @type {{sub: string, email: string, given_name?: string}} */
  account = { sub: '1', email: 'nobody@example.com' };
  /** What codes stand for. @type {Map<string, {claims: object, challenge: string}>} */
  #grants = new Map();

  static async start() {
    const provider = new Provider();
    provider.server = createServer((request, response) => void provider.#answer(request, response));
    provider.server.listen(0, '127.0.0.1');
    await once(provider.server, 'listening');
    provider.issuer = `http://localhost:${provider.server.address().port}`;
    return provider;
  }

  /** What Sotto has to know of it. */
  get settings() {
    return { SOTTO_GOOGLE_CLIENT_ID: CLIENT.id, SOTTO_GOOGLE_CLIENT_SECRET: CLIENT.secret, SOTTO_GOOGLE_ISSUER: this.issuer };
  }

  async stop() {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  async #answer(request, response) {
    const url = new URL(request.url, this.issuer);
    const json = (body, status = 200) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    switch (url.pathname) {
      case '/.well-known/openid-configuration':
        return json({
          issuer: this.issuer,
          authorization_endpoint: `${this.issuer}/authorize`,
          token_endpoint: `${this.issuer}/token`,
          jwks_uri: `${this.issuer}/jwks`,
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['RS256'],
        });
      case '/jwks':
        return json({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: '1', use: 'sig', alg: 'RS256' }] });
      case '/authorize':
        return response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(this.#page(url.searchParams));
      case '/token': {
        let body = '';
        for await (const chunk of request) body += chunk;
        return json(...this.#redeem(new URLSearchParams(body)));
      }
      default:
        return json({}, 404);
    }
  }

  /** @param {URLSearchParams} asked */
  #page(asked) {
    const code = randomBytes(16).toString('hex');
    this.#grants.set(code, { challenge: asked.get('code_challenge'), claims: { ...this.account, nonce: asked.get('nonce') } });
    const back = (answer) => {
      const url = new URL(asked.get('redirect_uri'));
      for (const [name, value] of Object.entries({ ...answer, state: asked.get('state') })) url.searchParams.set(name, value);
      return url.href.replaceAll('&', '&amp;');
    };
    return `<!doctype html><title>Provider</title><h1>Provider</h1>
      <p><a href="${back({ code })}">Continue as ${this.account.email}</a></p>
      <p><a href="${back({ error: 'access_denied' })}">Cancel</a></p>`;
  }

  /** @param {URLSearchParams} form */
  #redeem(form) {
    const grant = this.#grants.get(form.get('code'));
    this.#grants.delete(form.get('code'));
    const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
    if (grant?.challenge !== challenge) return [{ error: 'invalid_grant' }, 400];
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: this.issuer, aud: CLIENT.id, iat: now, exp: now + 600, email_verified: true, ...grant.claims };
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${part({ alg: 'RS256', kid: '1', typ: 'JWT' })}.${part(claims)}`;
    const signature = createSign('RSA-SHA256').update(text).sign(privateKey, 'base64url');
    return [{ access_token: 'unused', token_type: 'Bearer', expires_in: 60, id_token: `${text}.${signature}` }];
  }
}
