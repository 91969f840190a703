// The pages as a person uses them, in Chromium, against the real daemons.

import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, test } from 'node:test';

import { chromium } from 'playwright-core';

import { Demo } from './demo.js';

const DEADLINE = 30_000;

let demo;
let browser;
let context;
let page;
/** Every address that a page asked for. */
let asked;

before(async () => {
  demo = await Demo.start();
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

beforeEach(async () => {
  asked = [];
  context = await browser.newContext({ httpCredentials: { username: '', password: demo.password } });
  page = await context.newPage();
  page.setDefaultTimeout(DEADLINE);
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => assert.fail(`the page threw ${error}`));
});

afterEach(async () => {
  const elsewhere = asked.filter((url) => !new URL(url).hostname.endsWith('localhost'));
  assert.deepEqual(elsewhere, [], 'a page asked somebody else than the gateway');
  await context.close();
});

test('the welcome page names the board and leads to its pages and to the other board', async () => {
  const [name, other] = demo.names;
  await page.goto(demo.url('/', name));
  await page.getByRole('banner').getByText(`Raspberry Pi Pico · ${name}`).waitFor();
  await page.getByText(`${name}.localhost:${demo.port}`).first().waitFor();
  assert.match(await page.title(), new RegExp(name));
  assert.equal(await page.getByRole('link', { name: 'Boards' }).getAttribute('href'), demo.url('/'));
  await page.locator('#devices').getByRole('link').first().click();
  await page.waitForURL(demo.url('/', other));
  await page.getByRole('link', { name: /^Files Look/ }).click();
  await page.getByRole('link', { name: 'code.py', exact: true }).first().waitFor();
});

test('two boards of one kind are told apart in every tab and bar and on their cards', async () => {
  for (const name of demo.names) {
    for (const [path, title] of [
      ['/', `CircuitPython · ${name}`],
      ['/fs/', `/ · Files · ${name}`],
      ['/edit/#/code.py', `code.py · Edit · ${name}`],
      ['/code/', `code.py · Code · ${name}`],
      ['/cp/serial/', `Serial · ${name}`],
    ]) {
      await page.goto(demo.url(path, name));
      await page.getByRole('banner').getByText(`Raspberry Pi Pico · ${name}`, { exact: true }).waitFor();
      // A console may have said its own title already: that follows the name.
      const said = await page.title();
      assert.ok(`${said} · `.startsWith(`${title} · `), `${path}: ${said}`);
    }
  }
  await page.getByRole('link', { name: 'Boards' }).click();
  await page.waitForURL(demo.url('/'));
  for (const name of demo.names) await page.getByRole('heading', { name: `Raspberry Pi Pico · ${name}`, exact: true }).waitFor();
});

test('the name that an owner gave a board stands before its host name', async () => {
  const [name] = demo.names;
  const settings = demo.url('/fs/settings.toml', name);
  const before = await (await context.request.get(settings)).text();
  await context.request.put(settings, { data: `${before}\nCIRCUITPY_WEB_INSTANCE_NAME = "Kitchen"\n` });
  try {
    await page.goto(demo.url('/fs/', name));
    await page.getByRole('banner').getByText(`Kitchen · ${name}`, { exact: true }).waitFor();
    assert.equal(await page.title(), `/ · Files · Kitchen · ${name}`);
  } finally {
    await context.request.put(settings, { data: before });
  }
});

test('a board that the network tells from its like is not called by its host name twice', async () => {
  const [name, other] = demo.names;
  const called = { [name]: `Raspberry Pi Pico (${name})`, [other]: `Kitchen (${other}) #2` };
  await context.route('**/cp/board*.json', async (route) => {
    const response = await route.fetch();
    const said = await response.json();
    for (const board of said.boards ?? [said]) board.instance_name = called[board.hostname];
    await route.fulfill({ response, json: said });
  });
  await page.goto(demo.url('/'));
  for (const heading of [`Raspberry Pi Pico · ${name}`, `Kitchen · ${other}`]) {
    await page.getByRole('heading', { name: heading, exact: true }).waitFor();
  }
  for (const [host, bar, title] of [
    [name, `Raspberry Pi Pico · ${name}`, `/ · Files · ${name}`],
    [other, `Kitchen · ${other}`, `/ · Files · Kitchen · ${other}`],
  ]) {
    await page.goto(demo.url('/fs/', host));
    await page.getByRole('banner').getByText(bar, { exact: true }).waitFor();
    assert.equal(await page.title(), title);
  }
});

test('other devices are links to where they are, and what they say of themselves is only text', async () => {
  const [name, other] = demo.names;
  const device = (hostname, instance_name, port = 80, ip = '192.168.1.9') => ({ hostname, instance_name, port, ip });
  const markup = '<img src=x onerror="document.title=1"><b>bold</b>';
  const devices = [
    device(other, 'Own', demo.port, '127.0.0.1'),
    device('feather', 'Sensor'),
    device('metro', '', 8080),
    device('javascript:alert(1)//', 'Script'),
    device('evil.example/', markup),
    device('user@evil', 'User'),
    device('"><script>document.title=1</script>', '"><script>document.title=1</script>'),
    device('', '\u202eReversed'),
  ];
  await context.route('**/cp/devices.json', (route) => route.fulfill({ json: { total: devices.length, devices } }));
  for (const [place, own] of [
    [demo.url('/', name), [`http://${other}.localhost:${demo.port}/`]],
    [demo.url('/'), []],
  ]) {
    await page.goto(place);
    const list = page.locator('#devices');
    await list.getByText(markup).waitFor();
    const links = await list.getByRole('link').evaluateAll((all) => all.map((link) => link.href));
    assert.deepEqual(links, [...own, 'http://feather.local/', 'http://metro.local:8080/']);
    assert.equal(await list.locator('img, b, script').count(), 0);
    assert.equal(await list.getByRole('listitem').count(), own.length + 7);
    assert.notEqual(await page.title(), '1');
  }
  // They come and go without a reload.
  devices.splice(1);
  await page.locator('#devices').waitFor({ state: 'hidden' });
});

test('what keeps names from the network is said once, and each board has a word for it', async () => {
  const [name] = demo.names;
  const sentence = "Avahi is not running on the gateway, so the boards' names cannot be found on the network.";
  await context.route('**/cp/board*.json', async (route) => {
    const response = await route.fetch();
    const said = await response.json();
    const network = { state: 'waiting', problem: 'Avahi is not running here.' };
    for (const board of said.boards ?? [said]) board.network = network;
    if (said.boards) said.name_problems = [sentence];
    await route.fulfill({ response, json: said });
  });
  await page.goto(demo.url('/'));
  await page.getByText(sentence).waitFor();
  await page.getByText(`${name}.local is not published`, { exact: true }).waitFor();
  assert.equal(await page.getByText('Avahi').count(), 1);
  await page.goto(demo.url('/', name));
  await page.getByText('Avahi is not running here.').waitFor();
});

test('a name that Avahi refuses or that others have is not said to wait, and what Avahi says is only text', async () => {
  const [name, other] = demo.names;
  const reason = 'Avahi on the gateway refuses the name (<img src=x>).';
  const network = {
    [name]: { state: 'refused', problem: reason },
    [other]: { state: 'taken', problem: 'Others on the network have the name.' },
  };
  await context.route('**/cp/board*.json', async (route) => {
    const response = await route.fetch();
    const said = await response.json();
    for (const board of said.boards ?? [said]) board.network = network[board.hostname];
    if (said.boards) said.name_problems = Object.values(network).map(({ problem }) => problem);
    await route.fulfill({ response, json: said });
  });
  await page.goto(demo.url('/'));
  await page.getByText(reason, { exact: true }).waitFor();
  await page.getByText(`Avahi refuses ${name}.local`, { exact: true }).waitFor();
  await page.getByText(`Others have ${other}.local`, { exact: true }).waitFor();
  for (const [host, { problem }] of Object.entries(network)) {
    await page.goto(demo.url('/', host));
    await page.getByText(problem, { exact: true }).waitFor();
    assert.equal(await page.locator('main img').count(), 0);
  }
});

test('the address that a page shows for a board opens that board', async () => {
  const [name] = demo.names;
  for (const place of [demo.url('/'), demo.url('/', name)]) {
    await page.goto(place);
    const address = `${name}.localhost:${demo.port}`;
    await page.getByRole('definition').getByText(address, { exact: true }).waitFor();
    const reply = await context.request.get(`http://${address}/cp/version.json`);
    assert.equal((await reply.json()).hostname, name);
  }
});

test('a program that is edited and saved runs, and its output is in the console beside it', async () => {
  await page.goto(demo.url('/code/', demo.names[0]));
  const console = page.getByRole('region', { name: 'Console' });
  await console.getByText('Hello World!').first().waitFor();
  const text = page.getByRole('textbox', { name: /^Text of the file/ });
  await text.fill('print("six times seven is", 6 * 7)\n');
  await page.getByText('unsaved').first().waitFor();
  await text.press('Control+s');
  await page.getByText('Saved at').waitFor();
  await console.getByText('six times seven is 42').first().waitFor();
});

test('two people who edit one file do not overwrite each other without being asked', async () => {
  const [name] = demo.names;
  const address = demo.url('/edit/#/shared.py', name);
  const other = await context.newPage();
  const field = (page) => page.getByRole('textbox', { name: /Text of the file/ });
  const save = (page) => page.getByRole('button', { name: 'Save' }).click();
  const saved = (page) => page.getByText(/^Saved at/).waitFor();
  const dialog = (page) => page.getByRole('dialog').getByText('Somebody else has changed this file meanwhile.');
  const onBoard = async () => (await context.request.get(demo.url('/fs/shared.py', name))).text();
  for (const each of [page, other]) {
    await each.goto(address);
    await each.getByText('There is no such file yet').waitFor();
  }
  await field(page).fill('# mine\n');
  await save(page);
  await saved(page);

  // A new file that is there by now.
  await field(other).fill('# theirs\n');
  await save(other);
  await dialog(other).waitFor();
  assert.equal(await onBoard(), '# mine\n');
  await other.getByRole('button', { name: 'Cancel' }).click();
  await other.getByText(/^Not saved/).waitFor();
  assert.equal(await field(other).inputValue(), '# theirs\n');
  await save(other);
  await other.getByRole('button', { name: 'Overwrite theirs' }).click();
  await saved(other);
  assert.equal(await onBoard(), '# theirs\n');

  // A file that was changed since.
  await field(page).fill('# mine again\n');
  await save(page);
  await dialog(page).waitFor();
  assert.equal(await onBoard(), '# theirs\n');
  await page.getByRole('button', { name: 'Load theirs' }).click();
  await page.waitForFunction(() => document.querySelector('textarea').value === '# theirs\n');

  // One after the other nobody is asked.
  for (const text of ['# one\n', '# two\n']) {
    await field(page).fill(text);
    await save(page);
    await page.locator('.unsaved').waitFor({ state: 'hidden' });
    assert.equal(await onBoard(), text);
  }
  assert.equal(await page.getByRole('dialog').count(), 0);
});

test('the serial page is a live REPL', async () => {
  await page.goto(demo.url('/cp/serial/', demo.names[1]));
  const says = page.getByRole('log');
  await says.getByText('Press any key to enter the REPL').first().waitFor();
  await page.getByRole('textbox').focus();
  await page.keyboard.press('Enter');
  await says.getByText('>>>').first().waitFor();
  await page.keyboard.type('"ab" * 3');
  await page.keyboard.press('Enter');
  await says.getByText("'ababab'").waitFor();
  await page.keyboard.type('while True: pass');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Ctrl-C' }).click();
  await says.getByText('KeyboardInterrupt').waitFor();
});

test('files are uploaded, renamed and deleted, folders made', async () => {
  await page.goto(demo.url('/fs/', demo.names[1]));
  const file = (name) => page.getByRole('row').filter({ hasText: name });
  await file('code.py').waitFor();
  await page.getByLabel('Upload files').setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('x') });
  await file('notes.txt').getByText('1 byte', { exact: true }).waitFor();
  await file('notes.txt').getByRole('button', { name: /^Rename/ }).click();
  await page.getByRole('dialog').getByRole('textbox').fill('renamed & moved.txt');
  await page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
  await file('renamed & moved.txt').waitFor();
  await page.getByRole('button', { name: 'New folder' }).click();
  await page.getByRole('dialog').getByRole('textbox').fill('sub');
  await page.getByRole('dialog').getByRole('button', { name: 'Make' }).click();
  await file('sub').waitFor();
  await file('renamed & moved.txt').getByRole('button', { name: /^Delete/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await file('renamed & moved.txt').waitFor({ state: 'detached' });
});

test('the overview shows every board, and one that is unplugged goes', async () => {
  const [name, other] = demo.names;
  await page.goto(demo.url('/'));
  const cards = page.locator('#boards > li');
  await page.waitForFunction(() => document.querySelectorAll('#boards > li').length === 2);
  await demo.board('unplug', name);
  await page.waitForFunction(() => document.querySelectorAll('#boards > li').length === 1);
  assert.match(await cards.first().innerHTML(), new RegExp(other));
  await demo.board('plug', name);
  await page.waitForFunction(() => document.querySelectorAll('#boards > li').length === 2);
});

test('the console says that the board is gone, and goes on when it is back', async () => {
  const name = demo.names[1];
  await page.goto(demo.url('/cp/serial/', name));
  const says = page.getByRole('log');
  await page.getByText('Connected', { exact: true }).waitFor();
  await demo.board('unplug', name);
  await says.getByText('The board is gone').first().waitFor();
  await demo.board('plug', name);
  await page.waitForFunction(() => {
    const text = document.querySelector('[role=log]').textContent;
    return text.lastIndexOf('Hello World!') > text.lastIndexOf('The board is gone');
  });
});

test('without the right password there are no files', async () => {
  const stranger = await browser.newContext({ httpCredentials: { username: '', password: 'wrong' } });
  const reply = await stranger.request.get(demo.url('/fs/', demo.names[0]));
  assert.equal(reply.status(), 401);
  await stranger.close();
});
