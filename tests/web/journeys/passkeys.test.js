import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findings } from './support/axe.js';
import { DESKTOP, PASSWORD, PHONE, Person, journey, launchBrowser } from './support/browser.js';
import { Server } from './support/server.js';

const LOOKS = [
  { viewport: PHONE, colorScheme: 'dark' },
  { viewport: DESKTOP, colorScheme: 'light' },
];

/** @type {import('playwright-core').Browser} */
let browser;
/** @type {Server} */
let server;

before(async () => {
  // Browsers make passkeys for names alone.
  [browser, server] = await Promise.all([launchBrowser(), Server.start({ host: 'localhost' })]);
});
after(async () => {
  await browser.close();
  await server.stop();
});

async function check(page, where) {
  assert.deepEqual(await findings(page), [], where);
}

/** Keeps a picture where somebody wants to look at the pages. */
async function shoot(page, name, look) {
  const folder = process.env.SHOTS;
  if (folder) await page.screenshot({ path: `${folder}/${name}-${look.viewport.width}-${look.colorScheme}.png`, fullPage: true });
}

/** A device that keeps passkeys and recognises its owner, or does not. */
async function device(page, recognises = true) {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: recognises,
      automaticPresenceSimulation: true,
    },
  });
  return {
    recognise: (isUserVerified) => session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
    keys: async () => (await session.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    setCounter: async (signCount) => {
      const [credential] = (await session.send('WebAuthn.getCredentials', { authenticatorId })).credentials;
      await session.send('WebAuthn.removeCredential', { authenticatorId, credentialId: credential.credentialId });
      await session.send('WebAuthn.addCredential', { authenticatorId, credential: { ...credential, signCount } });
    },
  };
}

async function signOut(page) {
  await page.goto('/profile/');
  await page.locator('#sign-out').click();
  await page.waitForURL((url) => url.pathname === '/');
}

const cardOf = (page) => page.getByRole('region', { name: 'Passkeys' });
const isAtProfile = (url) => url.pathname === '/profile/';

/** Makes a passkey in the profile. */
async function make(person, name) {
  const { page } = person;
  await page.goto('/profile/edit/');
  const card = cardOf(page);
  await card.getByRole('button', { name: 'Add a passkey' }).click();
  await card.getByLabel('Name of the passkey').fill(name);
  await card.getByLabel('Your password').fill(PASSWORD);
  await card.getByRole('button', { name: 'Continue' }).click();
  await card.getByText('Your passkey is ready.').waitFor();
}

async function typePassword(person) {
  const { page } = person;
  await page.goto('/login/?next=/profile/');
  await page.getByLabel('Username or email').fill(person.name);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

for (const look of LOOKS) {
  test(`a passkey is made, signs in and is removed at ${look.viewport.width} px`, async (t) => {
    const name = `vic${look.viewport.width}`;
    await server.createUser(name, PASSWORD);
    const vic = await Person.arrive(browser, server, name, look);
    await journey(t, [vic], async () => {
      const { page } = vic;
      const phone = await device(page);
      await typePassword(vic);
      await page.waitForURL(isAtProfile);
      await page.goto('/profile/edit/');
      const card = cardOf(page);
      await card.getByRole('button', { name: 'Add a passkey' }).click();
      await card.getByLabel('Your password').fill('not my password');
      await card.getByRole('button', { name: 'Continue' }).click();
      await card.getByText('This is not your password.').waitFor();
      await check(page, 'asking for the password');
      await make(vic, 'My phone');
      const [key] = await phone.keys();
      assert.equal(key.rpId, 'localhost');
      assert.ok(key.isResidentCredential);
      await card.getByText('Never used').waitFor();
      await check(page, 'a passkey is there');
      await shoot(page, 'passkeys', look);

      await signOut(page);
      await page.goto('/login/?next=/profile/');
      await check(page, 'signing in');
      await shoot(page, 'login', look);
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
      await page.waitForURL(isAtProfile);
      await page.getByText(`@${name}`).waitFor();

      await page.goto('/profile/edit/');
      await card.getByText('Last used').waitFor();
      await card.getByRole('button', { name: 'Remove My phone' }).click();
      await card.getByLabel('Your password').fill(PASSWORD);
      await card.getByRole('button', { name: 'Remove', exact: true }).click();
      await card.getByText('no longer signs in. You may delete').waitFor();
      assert.equal(await card.getByRole('listitem').count(), 0);
      await signOut(page);
      await page.goto('/login/?next=/profile/');
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
      await page.getByText('No account here knows this passkey.').waitFor();
    });
  });

  test(`a passkey is the second step where it is asked for at ${look.viewport.width} px`, async (t) => {
    const name = `wim${look.viewport.width}`;
    await server.createUser(name, PASSWORD);
    const wim = await Person.arrive(browser, server, name, look);
    await journey(t, [wim], async () => {
      const { page } = wim;
      await device(page);
      await typePassword(wim);
      await page.waitForURL(isAtProfile);
      await make(wim, 'My phone');
      const twoStep = page.getByRole('region', { name: 'Two-step sign-in' });
      await twoStep.getByRole('button', { name: 'Ask for a passkey' }).click();
      await twoStep.getByLabel('Your password').fill(PASSWORD);
      await twoStep.getByRole('button', { name: 'Ask for a passkey' }).last().click();
      await twoStep.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
      const [code] = await twoStep.getByRole('listitem').allTextContents();
      await twoStep.getByRole('button', { name: 'I have kept them' }).click();
      await twoStep.getByText('Signing in asks for a passkey.').waitFor();

      await signOut(page);
      await typePassword(wim);
      await page.getByRole('heading', { name: 'One more step' }).waitFor();
      await check(page, 'the second step');
      await shoot(page, 'second-step-passkey', look);
      await page.getByRole('button', { name: 'Use a passkey' }).click();
      await page.waitForURL(isAtProfile);
      await signOut(page);
      await typePassword(wim);
      await page.getByLabel('Code').fill(code);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.waitForURL(isAtProfile);
    });
  });
}

test('a device that does not recognise its owner signs nobody in, and neither does a copy', async (t) => {
  await server.createUser('xan', PASSWORD);
  const xan = await Person.arrive(browser, server, 'xan');
  await journey(t, [xan], async () => {
    const { page } = xan;
    const phone = await device(page);
    await typePassword(xan);
    await page.waitForURL(isAtProfile);
    await make(xan, 'My phone');
    await signOut(page);
    await page.goto('/login/?next=/profile/');
    const button = page.getByRole('button', { name: 'Sign in with a passkey' });
    await phone.recognise(false);
    await button.click();
    await page.getByText('Nothing has changed.').waitFor();
    await phone.recognise(true);
    await button.click();
    await page.waitForURL(isAtProfile);
    await signOut(page);
    // A copy of the key that was made earlier counts from where it was.
    await phone.setCounter(0);
    await page.goto('/login/?next=/profile/');
    await button.click();
    await page.getByText('No account here knows this passkey.').waitFor();
  });
});

test('under an IP address no passkeys are offered, and the calls say why', async (t) => {
  const numbered = await Server.start();
  await numbered.createUser('yul', PASSWORD);
  const yul = await Person.arrive(browser, numbered, 'yul');
  await journey(t, [yul], async () => {
    const { page } = yul;
    await page.goto('/login/');
    assert.equal(await page.getByRole('button', { name: 'Sign in with a passkey' }).count(), 0);
    await yul.signIn();
    await page.goto('/profile/edit/');
    await page.getByRole('heading', { name: 'Two-step sign-in' }).waitFor();
    assert.equal(await cardOf(page).count(), 0);
    const answer = await page.request.post('/api/login/passkey/options');
    assert.equal(answer.status(), 409);
    assert.equal((await answer.json()).code, 'passkeys_unavailable');
  });
  await numbered.stop();
});
