/*
 * python.test.mjs - python-socketio, with threads and with asyncio; the checks are in python/client.py.
 */
import { after, before, describe, test } from "node:test";
import { BUILD, install, runChecks, withoutProgram } from "./support/foreign.mjs";
import { startServer } from "./support/server.mjs";

const skip = withoutProgram("python3", "-c", "import venv");

describe("python-socketio", { skip }, () => {
  const environment = `${BUILD}python`;
  let server;

  before(async () => {
    await install(
      "python",
      ["python/requirements.txt"],
      [
        ["python3", "-m", "venv", "--clear", environment],
        [`${environment}/bin/pip`, "install", "-q", "--no-deps", "-r", "python/requirements.txt"],
      ],
    );
    server = await startServer();
  });
  after(() => server.stop());

  for (const kind of ["threads", "asyncio"]) {
    for (const way of ["polling", "websocket", "upgrade"]) {
      test(`${kind}, ${way}`, async (t) => {
        const checks = await runChecks(
          [`${environment}/bin/python`, "python/client.py", kind, way],
          {
            INTEROP_URL: server.origin,
            PYTHONDONTWRITEBYTECODE: "1",
          },
        );
        for (const { name, body } of checks) await t.test(name, body);
      });
    }
  }
});
