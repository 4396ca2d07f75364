/*
 * run.mjs - drives the demo chat in a real browser against the real program.
 *
 *     npm ci && node run.mjs ../../build/belfry        CHROMIUM=/usr/bin/chromium
 *
 * Prints a line per check and a sum, leaves pictures in build/artifacts/. Nothing here sleeps to be
 * right: every step waits for what it needs to see.
 */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { pages } from "./pages.mjs";
import { socketIo } from "./socketio.mjs";
import { lowContrasts } from "./support/contrast.mjs";
import { Person } from "./support/person.mjs";
import { check, finish } from "./support/report.mjs";
import { Server } from "./support/server.mjs";
import { until } from "./support/until.mjs";

const PICTURES = fileURLToPath(new URL("../../build/artifacts/", import.meta.url));
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

const binary = process.argv[2];
if (binary === undefined) {
  console.error("usage: node run.mjs PATH-TO-BELFRY");
  process.exit(2);
}

await mkdir(PICTURES, { recursive: true });
const server = await Server.start(binary);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});

const at = (room) => `${server.url}?room=${encodeURIComponent(room)}`;
const enter = (room, name, options) => Person.enter(browser, at(room), name, options);
const picture = (person, name) => person.page.screenshot({ path: `${PICTURES}chat-${name}.png` });

await talking();
await presence();
await unread();
await cutting();
await writingOffline();
await restarting();
await refusals();
await names();
await keyboard();
await phone();
await safety();
await socketIo({
  binary,
  server,
  enter: (url, name, options) => Person.enter(browser, url, name, options),
  picture,
});
await pictures();
await pages({
  browser,
  server,
  pictures: PICTURES,
  enter: (url, name, options) => Person.enter(browser, url, name, options),
  faults: Person.faults,
});
await check("no errors on the console, no violations of the policy", () => {
  assert.deepEqual(Person.faults, []);
});

await browser.close();
await server.stop();
process.exit(finish());

/** Two people who are in @room together. */
async function pair(room) {
  const ada = await enter(room, "Ada Lovelace");
  const bo = await enter(room, "Bo");
  await ada.seesPeople(["Ada Lovelace", "Bo"]);
  return [ada, bo];
}

async function talking() {
  const [ada, bo] = await pair("talk");
  await check("two pages talk in a room, both ways", async () => {
    await ada.say("Hello Bo");
    await bo.seesMessage("Hello Bo");
    await bo.say("Hello Ada");
    await ada.seesExactly(["Hello Bo", "Hello Ada"]);
    await bo.seesExactly(["Hello Bo", "Hello Ada"]);
  });
  await check("a message is marked as sent when the server has it", () =>
    ada.isMarked("Hello Bo", "sent"),
  );
  await check("messages of one person are a group, with the name once", async () => {
    await ada.say("and another one");
    await bo.seesMessage("and another one");
    await ada.say("and one more");
    await bo.seesMessage("and one more");
    assert.equal(await bo.page.locator(".who strong").count(), 3);
  });
  await check("others see that somebody is typing", async () => {
    await ada.page.locator("#composer-text").pressSequentially("Hm");
    await bo.sees("#typing", "Ada Lovelace is typing");
    await ada.page.fill("#composer-text", "");
  });
  await check("who comes later sees what was said since the room was opened", async () => {
    const cy = await enter("talk", "Cy");
    await cy.seesExactly(["Hello Bo", "Hello Ada", "and another one", "and one more"]);
    await cy.leave();
  });
  await check("many messages in a burst come once and in order", async () => {
    const burst = Array.from({ length: 40 }, (_, index) => `number ${index}`);
    for (const text of burst) await bo.say(text);
    const all = ["Hello Bo", "Hello Ada", "and another one", "and one more", ...burst];
    await ada.seesExactly(all);
    await bo.seesExactly(all);
  });
  await check("who reads further up is not moved, but told", async () => {
    await ada.page.focus("#timeline");
    await ada.page.keyboard.press("Home");
    await ada.sees("#jump", "Latest");
    await bo.say("far below");
    await ada.sees("#jump", "1 new");
    await ada.page.click("#jump");
    await ada.doesNotSee("#jump");
  });
  await ada.leave();
  await bo.leave();
}

async function presence() {
  const [ada, bo] = await pair("presence");
  await check("names and number of the people here are shown", async () => {
    assert.equal(await ada.text("#people-count"), "2");
    await ada.sees(".presence", "Bo joined");
    await ada.sees(".you", "you");
  });
  await check("who goes is gone, and a line says so", async () => {
    const cy = await enter("presence", "Cy");
    await ada.seesPeople(["Ada Lovelace", "Bo", "Cy"]);
    await ada.say("Hello Cy");
    await cy.seesMessage("Hello Cy");
    await cy.leave();
    await ada.seesPeople(["Ada Lovelace", "Bo"]);
    await ada.sees(".presence", "Cy left");
  });
  await ada.leave();
  await bo.leave();
}

async function unread() {
  const [ada, bo] = await pair("news");
  await check("what is said in another room is marked there and in the title", async () => {
    await ada.open("lobby");
    await bo.say("one");
    await bo.say("two");
    await ada.sees('.room-item:has-text("news") .badge', "2");
    await until("the title says so", async () => (await ada.page.title()).startsWith("(2) lobby"));
  });
  await check("opening the room shows where the new begins, and takes the mark away", async () => {
    await ada.open("news");
    await ada.sees(".divider-new", "New");
    await ada.doesNotSee('.room-item:has-text("news") .badge');
    await until("the title is plain", async () => (await ada.page.title()).startsWith("news"));
  });
  await ada.leave();
  await bo.leave();
}

async function cutting() {
  const [ada, bo] = await pair("cut");
  await ada.say("before");
  await bo.seesMessage("before");
  await check("the switch cuts the connection, and the pill says so", async () => {
    await ada.cutConnection();
    await ada.isReconnecting();
    await ada.sees("#connection-text", "Reconnecting in");
    await bo.seesPeople(["Bo"]);
  });
  await check("Retry now tries, in vain while the network is cut", async () => {
    await ada.page.click("#retry");
    await ada.sees("#connection-text", "Reconnecting in");
  });
  await check("plugged in, everything that was missed is there, in order, once", async () => {
    const missed = ["first", "second", "third", "fourth", "fifth"];
    for (const text of missed) await bo.say(text);
    await bo.seesExactly(["before", ...missed]);
    await ada.plugIn();
    await ada.isConnected();
    await ada.seesExactly(["before", ...missed]);
    await ada.sees(".divider-missed", "You missed 5 messages");
    await bo.seesPeople(["Ada Lovelace", "Bo"]);
  });
  await check("it also comes back by itself", async () => {
    await ada.cutConnection();
    await ada.isReconnecting();
    await ada.plugIn();
    await ada.isConnected();
  });
  await ada.leave();
  await bo.leave();
}

async function writingOffline() {
  const [ada, bo] = await pair("offline");
  await check("what is written without a connection waits, and is counted", async () => {
    await ada.cutConnection();
    await ada.isReconnecting();
    await ada.say("typed offline");
    await ada.say("and this too");
    await ada.isMarked("typed offline", "unsent");
    await ada.sees("#unsent", "2 unsent");
  });
  await check("it is sent once when the connection is back, below what was missed", async () => {
    await bo.say("said meanwhile");
    await bo.isMarked("said meanwhile", "sent");
    await ada.plugIn();
    await ada.isMarked("and this too", "sent");
    const all = ["said meanwhile", "typed offline", "and this too"];
    await ada.seesExactly(all);
    await bo.seesExactly(all);
    await ada.doesNotSee("#unsent");
  });
  await check("a message whose confirmation was lost is not delivered twice", async () => {
    await ada.page.evaluate(() => {
      const text = document.getElementById("composer-text");
      text.value = "cut right behind me";
      document.getElementById("composer").requestSubmit();
      document.getElementById("network-switch").click();
    });
    await ada.isReconnecting();
    await ada.plugIn();
    await ada.isMarked("cut right behind me", "sent");
    await bo.say("last");
    const all = ["said meanwhile", "typed offline", "and this too", "cut right behind me", "last"];
    await ada.seesExactly(all);
    await bo.seesExactly(all);
  });
  await ada.leave();
  await bo.leave();
}

async function restarting() {
  const [ada, bo] = await pair("restart");
  await ada.say("before the restart");
  await bo.seesMessage("before the restart");
  await check("when the server is killed the page says that it reconnects", async () => {
    await server.kill();
    await ada.isReconnecting();
    await bo.isReconnecting();
    await ada.say("is anybody there?");
    await ada.isMarked("is anybody there?", "unsent");
    await picture(ada, "server-gone");
  });
  await check("when it is back so are the pages, and say what may be missing", async () => {
    await server.start();
    for (const person of [ada, bo]) {
      await person.isConnected();
      await person.sees(".divider-gap", "Some messages are missing");
    }
    await ada.isMarked("is anybody there?", "sent");
    await bo.seesExactly(["before the restart", "is anybody there?"]);
    await ada.seesExactly(["before the restart", "is anybody there?"]);
  });
  await ada.leave();
  await bo.leave();
}

async function refusals() {
  await check("a room that cannot be joined says why, and others can", async () => {
    const ada = await enter("a-socket-id-like-this", "Ada Lovelace");
    await ada.say("fine: 21 characters");
    await ada.isMarked("fine: 21 characters", "sent");
    await ada.page.goto(at("a-socket-id-of-20-ch"));
    await ada.sees("#empty", "This room cannot be joined");
    await ada.open("lobby");
    await ada.sees("#empty", "It is quiet in here");
    await ada.leave();
  });
}

async function names() {
  const [ada, bo] = await pair("names");
  await check("a changed name is seen by the others", async () => {
    await ada.page.click("#me");
    await ada.page.fill("#name-input", "Countess");
    await ada.page.keyboard.press("Enter");
    await ada.isConnected();
    await bo.seesPeople(["Bo", "Countess"]);
    await ada.say("It is me");
    await bo.sees(".who strong", "Countess");
  });
  await check("the name and the rooms are remembered", async () => {
    await ada.page.reload();
    await ada.isConnected();
    await bo.seesPeople(["Bo", "Countess"]);
    assert.equal(await ada.text("#room-title"), "names");
    await ada.seesExactly(["It is me"]);
  });
  await check("markup in names and messages is only text", async () => {
    const eve = await enter("names", "<b>Eve</b>");
    await eve.say("<img src=x onerror=alert(1)> https://example.org/?a=<b>");
    await ada.sees(".who strong", "<b>Eve</b>");
    await ada.seesMessage("<img src=x onerror=alert(1)> https://example.org/?a=<b>");
    assert.equal(await ada.page.locator(".messages img, .messages b").count(), 0);
    await eve.leave();
  });
  await ada.leave();
  await bo.leave();
}

async function keyboard() {
  await check("everything can be done with the keyboard alone", async () => {
    const ada = await Person.arrive(browser, at("keys"));
    const { keyboard } = ada.page;
    const press = (key) => keyboard.press(key);
    await ada.sees("#name-dialog");
    await press("Escape");
    await ada.sees("#name-dialog");
    await keyboard.type("Ada Lovelace");
    await press("Enter");
    await ada.isConnected();
    assert.equal(await ada.focused(), "composer-text");
    await keyboard.type("first line");
    await press("Shift+Enter");
    await keyboard.type("second line");
    await press("Enter");
    await ada.seesMessage("first line\nsecond line");

    await press("Alt+ArrowDown");
    await until("the next room is shown", async () => (await ada.text("#room-title")) !== "keys");
    await ada.tabTo("add-room");
    await press("Enter");
    await keyboard.type("cellar");
    await press("Enter");
    await until("the new room is shown", async () => (await ada.text("#room-title")) === "cellar");
    assert.equal(await ada.focused(), "composer-text");

    await ada.tabTo("network-switch");
    await press("Space");
    await ada.isReconnecting();
    await ada.tabTo("retry");
    await press("Enter");
    await ada.tabTo("network-switch");
    await press("Space");
    await ada.isConnected();
    await ada.tabTo("invite");
    await press("Enter");
    await ada.sees("#invite-dialog", "Invite to cellar");
    await press("Escape");
    await ada.doesNotSee("#invite-dialog");
    assert.equal(await ada.focused(), "invite");
    await ada.leave();
  });
}

async function phone() {
  const ada = await enter("phone", "Ada Lovelace", PHONE);
  await check("on a phone the room fills the screen and nothing sticks out", async () => {
    await ada.say("W".repeat(400));
    await ada.sees(".message");
    const { width, box } = await ada.page.evaluate(() => ({
      width: document.documentElement.scrollWidth,
      box: document.getElementById("composer-text").getBoundingClientRect().toJSON(),
    }));
    assert.equal(width, PHONE.viewport.width);
    assert.ok(box.bottom <= PHONE.viewport.height && box.width > 250, JSON.stringify(box));
  });
  await check("rooms and people are drawers there", async () => {
    await ada.page.tap("#open-sidebar");
    await ada.page.tap('.room-open:has-text("ideas")');
    await until("the room is shown", async () => (await ada.text("#room-title")) === "ideas");
    await ada.doesNotSee("#sidebar");
    await ada.page.tap("#toggle-people");
    await ada.sees(".person-name", "Ada Lovelace");
    await ada.page.tap("#close-people");
    await ada.doesNotSee("#people");
  });
  await check("everything to be tapped is large enough", async () => {
    const small = await ada.page.$$eval("button, textarea, .switch", (targets) =>
      targets
        .filter((target) => target.checkVisibility({ visibilityProperty: true }))
        .map((target) => [target.id || target.className, target.getBoundingClientRect().height])
        .filter(([, height]) => height < 24),
    );
    assert.deepEqual(small, []);
  });
  await ada.leave();
}

async function safety() {
  await check("the policy of the page allows nothing from elsewhere, nothing inline", async () => {
    const response = await fetch(server.url);
    const policy = response.headers.get("content-security-policy");
    assert.match(policy ?? "", /default-src 'self'/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.doesNotMatch(await response.text(), /<style|<script>|\sstyle=|\son\w+=|https?:\/\//);
  });
}

/* A talk worth looking at, in all the ways the page can look. */
async function pictures() {
  const visitor = await Person.arrive(browser, at("garden"));
  await visitor.sees("#name-dialog");
  await picture(visitor, "name");
  await visitor.leave();

  const mira = await enter("garden", "Mira");
  await picture(mira, "empty");
  const jonas = await enter("garden", "Jonas");
  const priya = await enter("garden", "Priya");
  const script = [
    [mira, "Morning! Did anyone water the tomatoes?"],
    [jonas, "Yes, an hour ago. The ones by the wall were thirsty."],
    [jonas, "I also moved the basil into the shade, it was not happy."],
    [
      priya,
      "Thank you both. The seed list is at https://example.org/seeds if you want to add to it.",
    ],
    [
      mira,
      "Perfect. I can bring the compost on Saturday, if somebody has a car that does not mind the smell.",
    ],
    [priya, "Mine does not. Nine o'clock?"],
    [mira, "Nine it is."],
  ];
  for (const [person, text] of script) {
    await person.say(text);
    await mira.seesMessage(text);
  }
  await jonas.open("ideas");
  await jonas.say("What about a rain barrel?");
  await mira.sees('.room-item:has-text("ideas") .badge', "1");
  await priya.page.locator("#composer-text").pressSequentially("See");
  await mira.sees("#typing", "Priya is typing");
  await mira.sees(".person-name", "Priya");

  for (const scheme of ["light", "dark"]) {
    await mira.page.emulateMedia({ colorScheme: scheme });
    await picture(mira, scheme);
    await check(`every text can be read well (${scheme})`, async () => {
      assert.deepEqual(await mira.page.evaluate(lowContrasts), []);
    });
  }
  await picturesOfTrouble(mira);

  const tom = await enter("garden", "Tom", PHONE);
  await tom.seesMessage("Nine it is.");
  await picture(tom, "phone");
  await tom.page.tap("#open-sidebar");
  await tom.sees("#close-sidebar");
  await until("the drawer is open", () =>
    tom.page.$eval("#sidebar", (e) => e.getBoundingClientRect().x === 0),
  );
  await picture(tom, "phone-rooms");
  await tom.page.check("#network-switch");
  await tom.page.tap("#close-sidebar");
  await tom.say("On my way, the train has no signal");
  await tom.sees("#connection-text", "Reconnecting in");
  await picture(tom, "phone-reconnecting");
  await tom.page.tap("role=tab[name='Socket.IO']");
  await tom.sees("[aria-selected=true]", "Socket.IO");
  await tom.sees("#unsent", "1 unsent");
  await picture(tom, "phone-socketio");
  for (const person of [mira, jonas, priya, tom]) await person.leave();
}

async function picturesOfTrouble(person) {
  await person.cutConnection();
  await person.say("See you on Saturday!");
  await person.say("I will bring coffee.");
  await person.sees("#unsent", "2 unsent");
  for (const scheme of ["light", "dark"]) {
    await person.page.emulateMedia({ colorScheme: scheme });
    await person.sees("#connection-text", "Reconnecting in");
    await picture(person, `reconnecting-${scheme}`);
    await check(`every text can be read well without connection (${scheme})`, async () => {
      assert.deepEqual(await person.page.evaluate(lowContrasts), []);
    });
  }
}
