// People in browsers of their own, in headless Chromium.
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const PASSWORD = 'correct horse battery staple';
/** A phone and a desktop. */
export const PHONE = { width: 360, height: 740 };
export const DESKTOP = { width: 1280, height: 800 };

const FAILURES = fileURLToPath(new URL('../../../../target/journeys/', import.meta.url));
const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** How Chromium is started; as root it needs to go without its sandbox. */
export const HOW = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: process.getuid?.() === 0 ? [...QUIET, '--no-sandbox'] : QUIET,
};

/** Starts Chromium. */
export const launchBrowser = () => chromium.launch(HOW);

/** Somebody with a browser. */
export class Person {
  /**
   * @param {import('playwright-core').Browser} browser
   * @param {import('./server.js').Server} server
   * @param {string} name also the username
   */
  static async arrive(browser, server, name, { viewport = DESKTOP, colorScheme = 'light', hasTouch = false, proxy } = {}) {
    const look = { viewport, colorScheme, hasTouch, isMobile: hasTouch, baseURL: server.url, proxy };
    return Person.within(await browser.newContext(look), server, name);
  }

  /**
   * Somebody whose browser keeps what it has in a folder, from one start to the next.
   * @param {string} folder
   * @param {import('./server.js').Server} server
   * @param {string} name
   */
  static async comeBack(folder, server, name) {
    return Person.within(await chromium.launchPersistentContext(folder, { ...HOW, viewport: DESKTOP, baseURL: server.url }), server, name);
  }

  /** @param {import('playwright-core').BrowserContext} context @param {import('./server.js').Server} server @param {string} name */
  static async within(context, server, name) {
    const person = new Person();
    Object.assign(person, { server, name, email: `${name}@example.com`, console: [], context });
    person.context.setDefaultTimeout(10_000);
    person.page = await person.context.newPage();
    person.page.on('console', (message) => person.console.push(`${message.type()}: ${message.text()}`));
    person.page.on('pageerror', (error) => person.console.push(`error: ${error.stack}`));
    return person;
  }

  /** Signs up through the pages, with the code from the development mailbox. */
  async signUp() {
    const { page } = this;
    await page.goto('/register/');
    await page.getByLabel('Username').fill(this.name);
    await page.getByLabel('Email').fill(this.email);
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL('**/verify-otp/**');
    await page.getByLabel('Code').fill(await this.server.code(this.email));
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.waitForURL('**/chat/**');
  }

  /** Signs in with an account that is there. */
  async signIn() {
    const { page } = this;
    await page.goto('/login/');
    await page.getByLabel('Username or email').fill(this.name);
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL('**/chat/**');
  }

  /** Waits until the list of chats is there: the page is alive. */
  async listed() {
    await this.page.locator('#rooms-loading').waitFor({ state: 'hidden' });
  }

  /** Finds somebody by name and opens the room with them. */
  async find(name) {
    const { page } = this;
    await this.listed();
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    await page.getByRole('combobox').fill(name);
    await page.getByRole('option', { name }).click();
    await page.waitForURL('**/chat/room/**');
    await this.composer.waitFor();
  }

  get composer() {
    return this.page.getByRole('textbox', { name: 'Message' });
  }

  get log() {
    return this.page.getByRole('log');
  }

  /** The bubble that says this. */
  bubble(text) {
    return this.log.locator('.msg').filter({ hasText: text });
  }

  /** Writes and presses Enter. */
  async write(text) {
    await this.composer.fill(text);
    await this.composer.press('Enter');
  }

  /**
   * Waits until the message shows, and, where a state is given, shows that. What is read was sent.
   * @param {string} text
   * @param {"pending" | "sent" | "read"} [state]
   */
  async sees(text, state) {
    const bubble = this.bubble(text);
    await bubble.waitFor();
    if (!state) return;
    const states = state === 'sent' ? ['sent', 'read'] : [state];
    await bubble.locator(states.map((name) => `.tick[data-state="${name}"]`).join()).waitFor();
  }

  /** The texts of the conversation, top to bottom. */
  async texts() {
    return this.log.locator('.msg .body').allTextContents();
  }

  /** Keeps what a failure left on the screen and in the console. */
  async keepTraces(test, error) {
    await mkdir(FAILURES, { recursive: true });
    const file = `${FAILURES}${test.replace(/\W+/g, '-')}-${this.name}`;
    await this.page.screenshot({ path: `${file}.png` }).catch(() => {});
    await writeFile(`${file}.log`, [String(error), this.page.url(), ...this.console, this.server.log].join('\n'));
  }
}

/**
 * Runs a journey with its people, and keeps screenshots and consoles if it fails. Whatever a page's
 * own script threw fails it, too.
 * @param {{name: string}} test
 * @param {Person[]} people
 * @param {() => Promise<void>} walk
 */
export async function journey(test, people, walk) {
  try {
    await walk();
    const errors = people.flatMap((person) => person.console.filter((line) => line.startsWith('error: ')));
    const faults = errors.filter((line) => !/ERR_|WebSocket|Failed to load resource/.test(line));
    if (faults.length > 0) throw new Error(`a page's script failed:\n${faults.join('\n')}`);
  } catch (error) {
    for (const person of people) await person.keepTraces(test.name, error);
    throw error;
  } finally {
    for (const person of people) await person.context.close();
  }
}
