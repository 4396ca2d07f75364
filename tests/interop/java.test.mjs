/*
 * java.test.mjs - Socket.IO's own Java client; the checks are in java/Client.java.
 */
import { after, before, describe, test } from "node:test";
import { BUILD, install, runChecks, withoutProgram } from "./support/foreign.mjs";
import { startServer } from "./support/server.mjs";

const skip = withoutProgram("mvn", "--version") || withoutProgram("javac", "-version");

describe("socket.io-client-java", { skip }, () => {
  const classPath = `${BUILD}java/*:${BUILD}java`;
  let server;

  before(async () => {
    const copy = ["dependency:copy-dependencies", `-DoutputDirectory=${BUILD}java`];
    await install(
      "java",
      ["java/pom.xml", "java/Client.java"],
      [
        ["mvn", "-q", "-B", "-f", "java/pom.xml", ...copy],
        [
          "javac",
          "-Xlint:all,-serial",
          "-Werror",
          "-cp",
          classPath,
          "-d",
          `${BUILD}java`,
          "java/Client.java",
        ],
      ],
    );
    server = await startServer();
  });
  after(() => server.stop());

  for (const way of ["polling", "websocket", "upgrade"]) {
    test(way, async (t) => {
      const command = ["java", "-cp", classPath, "Client", way];
      const checks = await runChecks(command, { INTEROP_URL: server.origin });
      for (const { name, body } of checks) await t.test(name, body);
    });
  }
});
