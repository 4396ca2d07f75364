/*
 * pages.mjs - the pages beside the chat: dashboard, compare, feed; and that the chat hears of curl and
 * of event streams.
 */
import assert from "node:assert/strict";
import { lowContrasts } from "./support/contrast.mjs";
import { check } from "./support/report.mjs";
import { until } from "./support/until.mjs";

export async function pages({ browser, server, pictures, enter, faults }) {
  const url = (path) => new URL(path, server.url).href;
  const open = async (path, options) => {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    page.on("pageerror", (error) => faults.push(`${path}: ${error}`));
    page.on("console", (message) => {
      const isNetwork = message.text().includes("Failed to load resource") ||
        message.text().includes("net::ERR");
      if (message.type() === "error" && !isNetwork) faults.push(`${path}: ${message.text()}`);
    });
    await page.goto(url(path));
    return page;
  };
  const publish = (room, message) =>
    fetch(url(`api/rooms/${room}/messages`), { method: "POST", body: JSON.stringify(message) });
  const texts = (page, selector) => page.locator(selector).allTextContents();
  const state = (page, text) =>
    until(`the page is ${text}`, async () => (await page.textContent("#state")) === text);

  await check("the dashboard shows figures that change", async () => {
    const page = await open("dashboard/");
    await state(page, "live");
    await until("there are figures", async () =>
      (await texts(page, ".values dd")).every((value) => value !== "–"));
    const out = () => page.locator(".card:nth-child(2) dd").nth(1).textContent();
    await page.click("#burst");
    await until("the burst is seen", async () => Number.parseFloat(await out()) > 10);
    await page.close();
  });

  await check("the dashboard comes back when the server does", async () => {
    const page = await open("dashboard/");
    await state(page, "live");
    await server.kill();
    await state(page, "connecting again");
    await server.start();
    await state(page, "live");
    await page.close();
  });

  await check("a post is in the feed, newest first, and there after a reload", async () => {
    const page = await open("feed/");
    await state(page, "live");
    await publish("feed", { event: "new-post", data: { title: "From outside", body: "<b>text</b>" } });
    await page.getByText("From outside").waitFor();
    await page.fill("#title", "By hand");
    await page.fill("#body", "two\nlines");
    await page.click("button[type=submit]");
    await page.getByText("By hand").waitFor();
    assert.deepEqual(await texts(page, ".posts h2"), ["By hand", "From outside"]);
    assert.equal(await page.locator(".posts b").count(), 0);
    await page.reload();
    await page.getByText("From outside").waitFor();
    assert.deepEqual(await texts(page, ".posts h2"), ["By hand", "From outside"]);
    assert.match(await page.textContent("#command"), /^curl -d .* http.*\/api\/rooms\/feed\/messages$/);
    await page.close();
  });

  await check("the compare page shows one message in each of its columns", async () => {
    const page = await open("compare/");
    await state(page, "live");
    const columns = page.locator(".ways .card");
    const hasClient = (await columns.count()) === 4;
    await until("all are open", async () => {
      const states = await texts(page, ".ways dd:first-of-type");
      return states.filter((text) => text === "open").length === (hasClient ? 4 : 2);
    });
    await page.fill("#text", "side by side");
    await page.click("button[type=submit]");
    await until("it is there", async () =>
      (await texts(page, ".wire")).filter((wire) => wire.includes("side by side")).length ===
        (hasClient ? 4 : 2));
    await page.close();
  });

  await check("the chat hears curl, and knows that an event stream is in the room", async () => {
    const ada = await enter(`${server.url}?room=terminal`, "Ada Lovelace");
    const page = await open("feed/");
    await page.evaluate(() => {
      globalThis.reader = new EventSource("/events?room=terminal&user=curl");
    });
    await ada.seesPeople(["Ada Lovelace", "curl"]);
    await publish("terminal", { text: "hello from curl", user: "cron" });
    await ada.page.getByText("hello from curl", { exact: true }).first().waitFor();
    assert.match(await ada.page.textContent("#say-command"), /rooms\/terminal\/messages$/);
    await page.close();
    await ada.page.close();
  });

  await check("the pages look right: contrast, light, dark, phone", async () => {
    const looks = {
      light: { colorScheme: "light", viewport: { width: 1200, height: 900 } },
      dark: { colorScheme: "dark", viewport: { width: 1200, height: 900 } },
      phone: { colorScheme: "light", viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
    };
    for (const name of ["dashboard", "compare", "feed"]) {
      for (const [look, options] of Object.entries(looks)) {
        const page = await open(`${name}/`, options);
        await state(page, "live");
        if (name === "compare") await page.click("button[type=submit]");
        if (name === "dashboard") {
          await until("there are figures", async () =>
            (await texts(page, ".values dd")).every((value) => value !== "–"));
        }
        const { scroll, width } = await page.evaluate(() => ({
          scroll: document.documentElement.scrollWidth, width: innerWidth,
        }));
        assert.ok(scroll <= width, `${name}, ${look}: ${scroll} > ${width}`);
        assert.deepEqual(await page.evaluate(lowContrasts), [], `${name}, ${look}`);
        await page.screenshot({ path: `${pictures}page-${name}-${look}.png` });
        await page.context().close();
      }
    }
  });
}
