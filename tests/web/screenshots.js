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

/** A photo, drawn: the lake in the evening. @param {Person} person */
async function photo(person) {
  const url = await person.page.evaluate(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1200, height: 750 });
    const draw = canvas.getContext('2d');
    /** @param {number} from @param {number} to @param {string[]} colours */
    const band = (from, to, colours) => {
      const gradient = draw.createLinearGradient(0, from, 0, to);
      colours.forEach((colour, i) => gradient.addColorStop(i / (colours.length - 1), colour));
      draw.fillStyle = gradient;
      draw.fillRect(0, from, 1200, to - from);
    };
    band(0, 430, ['#2f4a6d', '#b77f86', '#f3b679']);
    band(430, 750, ['#e0a57c', '#6d7f92', '#22364a']);
    draw.fillStyle = '#fbe3b4';
    draw.beginPath();
    draw.arc(790, 250, 40, 0, 7);
    draw.fill();
    for (const [colour, height, step] of [['#3b4a60', 150, 170], ['#25344a', 80, 110]]) {
      draw.fillStyle = String(colour);
      draw.beginPath();
      draw.moveTo(0, 430);
      for (let x = 0, i = 0; x <= 1200; x += Number(step), i += 1) draw.lineTo(x, 430 - (i % 2 ? Number(height) : Number(height) / 3));
      draw.lineTo(1200, 430);
      draw.fill();
    }
    return canvas.toDataURL('image/png');
  });
  return { name: 'lake.png', mimeType: 'image/png', buffer: Buffer.from(url.split(',')[1], 'base64') };
}

/** The menu of a message. @param {Person} person @param {string} text */
async function openMenu(person, text) {
  const message = person.bubble(text);
  await message.hover();
  await message.getByRole('button', { name: 'Actions' }).click();
  await person.page.getByRole('menu').waitFor();
}

/** What can be done with messages, and finding them. @param {Person} ann @param {Person} bob */
async function shootMessages(ann, bob) {
  const { page } = bob;
  await page.locator('#files').setInputFiles([await photo(bob)]);
  await page.getByRole('list', { name: 'Files to send' }).waitFor();
  await bob.write('From last year, at eight in the evening');
  await ann.log.getByRole('img', { name: 'Photo lake.png' }).waitFor();
  await openMenu(ann, 'Then I take care of breakfast');
  await ann.page.getByRole('menuitem', { name: 'Reply' }).click();
  await ann.write('Pancakes, please');
  await openMenu(ann, 'eight in the evening');
  await ann.page.getByRole('menuitemcheckbox', { name: 'heart' }).click();
  await bob.bubble('eight in the evening').getByRole('button', { name: /❤️/ }).waitFor();
  await openMenu(ann, 'Pancakes, please');
  await shoot(ann, 'message-menu-desktop-light');
  await ann.page.keyboard.press('Escape');
  await ann.page.keyboard.press('Control+k');
  await ann.page.getByRole('combobox').fill('ca');
  await ann.page.getByRole('option', { name: /canoe/ }).waitFor();
  await shoot(ann, 'search-desktop-light');
  await ann.page.keyboard.press('Escape');
}

/** Who asks, and one's own account. @param {(name: string, look: object) => Promise<Person>} arrive */
async function shootSettings(arrive) {
  const phone = await arrive('ann', { viewport: PHONE, colorScheme: 'light' });
  await phone.page.getByRole('link', { name: /dmitri/i }).click();
  await phone.page.getByRole('region', { name: 'Request' }).waitFor();
  await shoot(phone, 'request-phone-light');
  const settings = await arrive('ann', { viewport: { width: 760, height: 800 }, colorScheme: 'light' });
  await settings.page.goto('/profile/');
  await settings.page.getByText('This device').first().waitFor();
  await shoot(settings, 'devices-light');
  await settings.page.goto('/profile/edit/');
  for (const [heading, name] of [['Two-step sign-in', 'two-step-light'], ['Privacy', 'privacy-light']]) {
    const section = settings.page.locator('.card', { has: settings.page.getByRole('heading', { name: heading, exact: true }) });
    await section.scrollIntoViewIfNeeded();
    await section.screenshot({ path: `${FOLDER}${name}.png` });
  }
}

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

  await shootMessages(ann, bob);
  await shootSettings(arrive);

  const guest = await Person.arrive(browser, server, 'guest', { viewport: PHONE, colorScheme: 'light' });
  await guest.page.goto('/register/');
  await shoot(guest, 'register-phone-light');
  await guest.page.goto('/');
  await shoot(guest, 'home-phone-light');
} finally {
  await browser.close();
  await server.stop();
}
