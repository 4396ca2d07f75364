/*
 * socketio.mjs - the second tab: the same chat over Socket.IO's client, as it comes from npm.
 */
import assert from "node:assert/strict";
import { lowContrasts } from "./support/contrast.mjs";
import { check } from "./support/report.mjs";
import { Server } from "./support/server.mjs";
import { until } from "./support/until.mjs";

/** @stage: what run.mjs gives: { binary, server, enter, picture }. */
export async function socketIo(stage) {
  await meeting(stage);
  await exchanging(stage);
  await recovering(stage);
  await writingOffline(stage);
  await restarting(stage);
  await withoutClient(stage);
}

/** Ada over Socket.IO and Bo over a plain WebSocket, in @room together. */
async function pair({ server, enter }, room) {
  const ada = await enter(`${server.url}?room=${room}&via=socket.io`, "Ada Lovelace");
  const bo = await enter(`${server.url}?room=${room}`, "Bo");
  await ada.seesPeople(["Ada Lovelace", "Bo"]);
  await bo.seesPeople(["Ada Lovelace", "Bo"]);
  return [ada, bo];
}

const goOver = (person, name) => person.page.click(`role=tab[name="${name}"]`);
const isOver = (person, name) => person.sees('[role="tab"][aria-selected="true"]', name);

async function meeting(stage) {
  const [ada, bo] = await pair(stage, "both");
  await check("one page on each tab: they talk, both ways", async () => {
    await isOver(ada, "Socket.IO");
    await isOver(bo, "WebSocket");
    await ada.say("Hello from Socket.IO");
    await bo.seesMessage("Hello from Socket.IO");
    await bo.say("Hello from a WebSocket");
    for (const person of [ada, bo]) {
      await person.seesExactly(["Hello from Socket.IO", "Hello from a WebSocket"]);
      await person.sees(".who strong", "Ada Lovelace");
      await person.sees(".who strong", "Bo");
    }
    await ada.isMarked("Hello from Socket.IO", "sent");
  });
  await check("it begins with polling and goes over to a WebSocket", () =>
    ada.sees("#transport", "polling → websocket"),
  );
  await check("each sees that the other is typing", async () => {
    await ada.page.locator("#composer-text").pressSequentially("Hm");
    await bo.sees("#typing", "Ada Lovelace is typing");
    await bo.page.locator("#composer-text").pressSequentially("Hm");
    await ada.sees("#typing", "Bo is typing");
    for (const person of [ada, bo]) await person.page.fill("#composer-text", "");
  });
  await check("who comes later over Socket.IO sees what was said before, and is seen", async () => {
    const cy = await stage.enter(`${stage.server.url}?room=both&via=socket.io`, "Cy");
    await cy.seesExactly(["Hello from Socket.IO", "Hello from a WebSocket"]);
    await cy.seesPeople(["Ada Lovelace", "Bo", "Cy"]);
    await bo.sees(".presence", "Cy joined");
    await cy.say("and I am off again");
    await bo.seesMessage("and I am off again");
    await cy.leave();
    for (const person of [ada, bo]) {
      await person.sees(".presence", "Cy left");
      await person.seesPeople(["Ada Lovelace", "Bo"]);
    }
  });
  await check("many messages at once come once and in one order on both", async () => {
    const burst = Array.from({ length: 20 }, (_, index) => index);
    for (const index of burst) {
      await ada.say(`ada ${index}`);
      await bo.say(`bo ${index}`);
    }
    await until("all are there", async () => (await ada.messages()).length === 43);
    await bo.seesExactly(await ada.messages());
  });
  await check("a name that is changed over Socket.IO is seen by the others", async () => {
    await ada.page.click("#me");
    await ada.page.fill("#name-input", "Countess");
    await ada.page.keyboard.press("Enter");
    await bo.seesPeople(["Bo", "Countess"]);
    await ada.isConnected();
  });
  await ada.leave();
  await bo.leave();
}

async function exchanging(stage) {
  const [ada, bo] = await pair(stage, "exchange");
  await ada.say("over Socket.IO");
  await bo.seesMessage("over Socket.IO");
  await check("the tab can be changed in the midst of a talk", async () => {
    await ada.page.fill("#composer-text", "half a sentence");
    await goOver(ada, "WebSocket");
    await isOver(ada, "WebSocket");
    await ada.isConnected();
    await bo.say("still there?");
    await ada.seesExactly(["over Socket.IO", "still there?"]);
    assert.equal(await ada.page.inputValue("#composer-text"), "half a sentence");
    await ada.page.press("#composer-text", "Enter");
    await bo.seesExactly(["over Socket.IO", "still there?", "half a sentence"]);
    await bo.seesPeople(["Ada Lovelace", "Bo"]);
    await ada.sees("#transport", "websocket");
  });
  await check("arrows and Enter change it too, and it is kept in the address", async () => {
    await ada.page.focus("#tab-websocket");
    await ada.page.keyboard.press("ArrowRight");
    await ada.page.keyboard.press("Enter");
    await isOver(ada, "Socket.IO");
    await ada.isConnected();
    await ada.page.reload();
    await isOver(ada, "Socket.IO");
    await ada.isConnected();
    await ada.seesExactly(["over Socket.IO", "still there?", "half a sentence"]);
  });
  await check("what waits to be sent is sent once, whichever tab it goes over", async () => {
    await ada.cutConnection();
    await ada.say("written on one tab");
    await ada.sees("#unsent", "1 unsent");
    await goOver(ada, "WebSocket");
    await isOver(ada, "WebSocket");
    await ada.sees("#unsent", "1 unsent");
    await bo.say("meanwhile");
    await ada.plugIn();
    await ada.isMarked("written on one tab", "sent");
    const last = ["half a sentence", "meanwhile", "written on one tab"];
    for (const person of [ada, bo]) {
      await person.seesExactly(["over Socket.IO", "still there?", ...last]);
    }
  });
  await ada.leave();
  await bo.leave();
}

async function recovering(stage) {
  const [ada, bo] = await pair(stage, "recover");
  await ada.say("before");
  await bo.seesMessage("before");
  await check("the switch cuts Socket.IO's client as well, and the pill says so", async () => {
    await ada.cutConnection();
    await ada.isReconnecting();
    await bo.seesPeople(["Bo"]);
  });
  await check(
    "plugged in the session is recovered: all that was missed, in order, once",
    async () => {
      const missed = ["first", "second", "third"];
      for (const text of missed) await bo.say(text);
      await bo.seesExactly(["before", ...missed]);
      await ada.plugIn();
      await ada.isConnected();
      await ada.seesExactly(["before", ...missed]);
      await ada.sees(".divider-missed", "You missed 3 messages");
      await ada.sees("#recovered", "recovered");
    },
  );
  await check("who was recovered is seen to be there, by both", async () => {
    await ada.seesPeople(["Ada Lovelace", "Bo"]);
    await bo.seesPeople(["Ada Lovelace", "Bo"]);
    assert.equal(await ada.text("#people-count"), "2");
  });
  await check("and again, by itself", async () => {
    await ada.cutConnection();
    await ada.isReconnecting();
    await bo.say("fourth");
    await bo.isMarked("fourth", "sent");
    await ada.plugIn();
    await ada.isConnected();
    await ada.seesExactly(["before", "first", "second", "third", "fourth"]);
  });
  for (const colorScheme of ["light", "dark"]) {
    await ada.page.emulateMedia({ colorScheme });
    await stage.picture(ada, `recovered-${colorScheme}`);
    await check(`every text of the second tab can be read well (${colorScheme})`, async () => {
      assert.deepEqual(await ada.page.evaluate(lowContrasts), []);
    });
  }
  await ada.leave();
  await bo.leave();
}

async function writingOffline(stage) {
  const [ada, bo] = await pair(stage, "unsent");
  await check(
    "what is written without a connection is sent once, below what was missed",
    async () => {
      await ada.cutConnection();
      await ada.isReconnecting();
      await ada.say("typed offline");
      await ada.say("and this too");
      await ada.isMarked("typed offline", "unsent");
      await ada.sees("#unsent", "2 unsent");
      await bo.say("said meanwhile");
      await bo.isMarked("said meanwhile", "sent");
      await ada.plugIn();
      await ada.isMarked("and this too", "sent");
      const all = ["said meanwhile", "typed offline", "and this too"];
      await ada.seesExactly(all);
      await bo.seesExactly(all);
    },
  );
  await check("a message whose acknowledgement was lost is not delivered twice", async () => {
    await ada.page.evaluate(() => {
      document.getElementById("composer-text").value = "cut right behind me";
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

async function restarting(stage) {
  const [ada, bo] = await pair(stage, "restarted");
  await ada.say("before the restart");
  await bo.seesMessage("before the restart");
  await check(
    "after a restart the rooms are joined again, and what may be missing is said",
    async () => {
      await stage.server.kill();
      await ada.isReconnecting();
      await ada.say("is anybody there?");
      await ada.isMarked("is anybody there?", "unsent");
      await stage.server.start();
      for (const person of [ada, bo]) {
        await person.isConnected();
        await person.sees(".divider-gap", "Some messages are missing");
        await person.seesExactly(["before the restart", "is anybody there?"]);
      }
      await ada.sees("#recovered", "new");
    },
  );
  await ada.leave();
  await bo.leave();
}

async function withoutClient({ binary, enter, picture }) {
  const server = await Server.start(binary, "");
  const ada = await enter(`${server.url}?room=bare`, "Ada Lovelace");
  await check("without the client its tab says how to get it, and the chat stays", async () => {
    await goOver(ada, "Socket.IO");
    await ada.sees("#client-dialog", "client is not installed");
    await picture(ada, "no-client");
    assert.deepEqual(await ada.page.evaluate(lowContrasts), []);
    await ada.page.keyboard.press("Escape");
    await isOver(ada, "WebSocket");
    await ada.say("all the same");
    await ada.isMarked("all the same", "sent");
  });
  await check("a link to that tab opens the chat and says the same", async () => {
    await ada.page.goto(`${server.url}?room=bare&via=socket.io`);
    await ada.sees("#client-dialog", "client is not installed");
    await isOver(ada, "WebSocket");
    await ada.isConnected();
  });
  await ada.leave();
  await server.stop();
}
