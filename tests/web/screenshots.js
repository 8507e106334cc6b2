// Takes the pictures of the documents from the real program: `node screenshots.js`, after a change
// that shows.
import { fileURLToPath } from 'node:url';
import { DESKTOP, PASSWORD, PHONE, Person, launchBrowser } from './journeys/support/browser.js';
import { Server } from './journeys/support/server.js';

const FOLDER = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const TALK = [
  ['ann', 'Have you booked the cabin yet?'],
  ['bob', 'Yes! Two nights, from Friday. The lake is right behind it.'],
  ['bob', 'https://example.com/cabin'],
  ['ann', 'Perfect. I’ll bring the canoe and something for the fire.'],
  ['ann', '🛶'],
  ['bob', 'Then I take care of breakfast'],
];

const [browser, server] = await Promise.all([launchBrowser(), Server.start()]);

/** @param {Person} person @param {string} name */
async function shoot(person, name) {
  await person.page.evaluate(() => Promise.allSettled(document.getAnimations().map((animation) => animation.finished)));
  await person.page.screenshot({ path: `${FOLDER}${name}.png` });
}

/** Somebody in a window of this look. @param {string} name @param {object} look */
async function arrive(name, look) {
  const person = await Person.arrive(browser, server, name, look);
  await person.signIn();
  return person;
}

try {
  for (const name of ['ann', 'bob', 'carla', 'dmitri']) await server.createUser(name, PASSWORD);
  const ann = await arrive('ann', { viewport: DESKTOP, colorScheme: 'light' });
  const bob = await arrive('bob', { viewport: DESKTOP, colorScheme: 'dark' });
  const carla = await arrive('carla', { viewport: DESKTOP });
  await carla.find('ann');
  await carla.write('See you at the choir on Thursday?');
  await carla.sees('choir', 'sent');
  const { rooms } = await (await ann.page.request.get('/api/rooms')).json();
  await ann.page.request.post(`/api/rooms/${rooms[0].id}/accept`);
  const dmitri = await arrive('dmitri', { viewport: DESKTOP });
  await dmitri.find('ann');
  await dmitri.write('Thanks for the recipe!');
  await dmitri.sees('recipe', 'sent');
  await ann.find('bob');
  await bob.page.goto(ann.page.url());
  for (const [who, text] of TALK) {
    const writer = who === 'ann' ? ann : bob;
    await writer.composer.waitFor();
    await writer.write(text);
    await writer.sees(text, 'sent');
  }
  await ann.sees('🛶', 'read');
  await bob.sees('breakfast', 'read');
  await shoot(ann, 'chat-desktop-light');
  await shoot(bob, 'chat-desktop-dark');

  const phone = await arrive('ann', { viewport: PHONE, colorScheme: 'light' });
  await phone.page.getByRole('link', { name: /bob/i }).waitFor();
  await shoot(phone, 'list-phone-light');
  const night = await arrive('ann', { viewport: PHONE, colorScheme: 'dark' });
  await night.page.getByRole('link', { name: /bob/i }).click();
  await night.sees('breakfast');
  await shoot(night, 'chat-phone-dark');

  const guest = await Person.arrive(browser, server, 'guest', { viewport: PHONE, colorScheme: 'light' });
  await guest.page.goto('/register/');
  await shoot(guest, 'register-phone-light');
  await guest.page.goto('/');
  await shoot(guest, 'home-phone-light');
} finally {
  await browser.close();
  await server.stop();
}
