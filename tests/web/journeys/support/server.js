// The real program, on a data dir of its own, for as long as a test needs it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BINARY = process.env.SOTTO_BINARY ?? fileURLToPath(new URL('../../../../target/debug/sotto', import.meta.url));

/** A port nobody listens on just now. */
async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** A running Sotto. */
export class Server {
  /** @param {{host?: string}} [at] @param {Record<string, string>} [settings] beside those that every server has */
  static async start({ host = '127.0.0.1' } = {}, settings = {}) {
    const server = new Server();
    server.settings = settings;
    server.dir = await mkdtemp(join(tmpdir(), 'sotto-journey-'));
    server.url = `http://${host}:${await freePort()}`;
    await server.launch();
    return server;
  }

  get #environment() {
    return {
      PATH: process.env.PATH,
      SOTTO_DATA_DIR: this.dir,
      SOTTO_LISTEN: `127.0.0.1:${new URL(this.url).port}`,
      SOTTO_PUBLIC_URL: this.url,
      ...this.settings,
    };
  }

  /** Starts the program and waits until it says it is ready. */
  async launch() {
    this.log = '';
    this.process = spawn(BINARY, { env: this.#environment, stdio: ['ignore', 'pipe', 'pipe'] });
    this.process.stderr.on('data', (text) => (this.log += text));
    for await (const line of createInterface({ input: this.process.stdout })) {
      if (line.includes('ready')) return;
    }
    throw new Error(`sotto did not start:\n${this.log}`);
  }

  /** Ends the program the way a power cut would. */
  async kill() {
    this.process.kill('SIGKILL');
    await once(this.process, 'exit');
  }

  /** Ends the program and forgets its data. */
  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.kill();
    await rm(this.dir, { recursive: true });
  }

  /** An account made by the operator. */
  async createUser(username, password) {
    const args = ['user', 'create', '--username', username, '--email', `${username}@example.com`, '--password-stdin', '--verified'];
    const command = spawn(BINARY, args, { env: this.#environment, stdio: ['pipe', 'ignore', 'inherit'] });
    command.stdin.end(`${password}\n`);
    const [code] = await once(command, 'exit');
    if (code !== 0) throw new Error(`sotto user create ended with ${code}`);
  }

  /** The code mailed last to an address. */
  async code(email) {
    const mails = await (await fetch(`${this.url}/dev/mailbox.json`)).json();
    const code = mails.find((mail) => mail.to === email)?.subject.match(/\b\d{6}\b/)?.[0];
    if (!code) throw new Error(`no code was mailed to ${email}`);
    return code;
  }
}
