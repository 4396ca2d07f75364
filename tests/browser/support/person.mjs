/*
 * person.mjs - somebody in front of the page: what one can do there, and what one sees.
 *
 * Every error on the console, every exception and every violation of the Content-Security-Policy is
 * kept in `faults`.
 */
import { until } from "./until.mjs";

/* Chromium reports each attempt to reach what is not there; that is what is tested. */
const EXPECTED = [
  /^WebSocket connection to '[^']*' failed/,
  /^Failed to load resource: net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE) .*socket\.io/,
  /^Failed to load resource: .* 404 .*socket\.io\.esm\.min\.js/,
];

export class Person {
  static faults = [];

  /** Opens @url in a browser of its own, without answering for the name. */
  static async arrive(browser, url, options = {}) {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      reducedMotion: "reduce", // nothing is ever half-way
      ...options,
    });
    const page = await context.newPage();
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    page.on("pageerror", (error) => Person.faults.push(String(error.stack)));
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      const fault = `${message.text()} (${message.location().url})`;
      if (!EXPECTED.some((pattern) => pattern.test(fault))) Person.faults.push(fault);
    });
    await page.goto(url);
    return new Person(page);
  }

  /** Opens @url and is called @name. */
  static async enter(browser, url, name, options) {
    const person = await Person.arrive(browser, url, options);
    await person.page.fill("#name-input", name);
    await person.page.click("#name-submit");
    await person.isConnected();
    return person;
  }

  constructor(page) {
    this.page = page;
  }

  async leave() {
    await this.page.context().close();
  }

  async say(text) {
    await this.page.fill("#composer-text", text);
    await this.page.press("#composer-text", "Enter");
  }

  async open(room) {
    await this.page.click(`.room-open:has-text("${room}")`);
    await until(`${room} is shown`, async () => (await this.text("#room-title")) === room);
  }

  async text(selector) {
    return (await this.page.locator(selector).first().textContent()).trim();
  }

  /** The messages of the room that is shown, top to bottom, as they were written. */
  messages() {
    return this.page.$$eval(".message .text", (texts) =>
      texts.map((text) => {
        const copy = text.cloneNode(true);
        copy.querySelector(".status")?.remove();
        return copy.textContent.trim();
      }),
    );
  }

  async seesMessage(text) {
    await until(`"${text}" is shown`, async () => (await this.messages()).includes(text));
  }

  /** The messages are @wanted, all of them, in this order, each once. */
  async seesExactly(wanted) {
    let seen = [];
    try {
      await until("", async () => {
        seen = await this.messages();
        return JSON.stringify(seen) === JSON.stringify(wanted);
      });
    } catch {
      throw new Error(`wanted ${JSON.stringify(wanted)}, saw ${JSON.stringify(seen)}`);
    }
  }

  async sees(selector, text = "") {
    const found = this.page.locator(selector).filter({ hasText: text, visible: true }).first();
    await found.waitFor({ state: "visible" });
  }

  async doesNotSee(selector) {
    await until(
      `${selector} is gone`,
      async () => !(await this.page.locator(selector).first().isVisible()),
    );
  }

  /** How the message @text is marked: "sending", "unsent", "sent", "failed". */
  async isMarked(text, status) {
    await this.page
      .locator(`.message[data-status="${status}"]`)
      .filter({ hasText: text })
      .waitFor();
  }

  async isConnected() {
    await this.page.locator('#connection[data-state="live"]').waitFor();
  }

  async isReconnecting() {
    await this.page.locator('#connection[data-state="reconnecting"]').waitFor();
  }

  async cutConnection() {
    await this.page.check("#network-switch");
  }

  async plugIn() {
    await this.page.uncheck("#network-switch");
  }

  people() {
    return this.page.$$eval(".person-name", (names) => names.map((name) => name.textContent));
  }

  async seesPeople(wanted) {
    const sorted = JSON.stringify([...wanted].sort());
    await until(`${wanted} are here`, async () => {
      return JSON.stringify((await this.people()).sort()) === sorted;
    });
  }

  focused() {
    return this.page.evaluate(() => document.activeElement?.id ?? "");
  }

  /** Presses Tab until the element @id has the focus. */
  async tabTo(id) {
    for (let step = 0; step < 60; step++) {
      if ((await this.focused()) === id) return;
      await this.page.keyboard.press("Tab");
    }
    throw new Error(`Tab does not lead to #${id}`);
  }
}
