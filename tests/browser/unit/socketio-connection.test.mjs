import assert from "node:assert/strict";
import { test } from "node:test";
import { SocketIoConnection } from "../../../web/js/socketio-connection.js";
import { FakeIoSocket } from "./support/fakes.mjs";

function makeWorld() {
  const socket = new FakeIoSocket();
  const connection = new SocketIoConnection(socket);
  const names = [];
  connection.addEventListener("statechange", () => names.push(connection.state.name));
  return { socket, connection, names };
}

test("its states are those of a connection that comes back", () => {
  const { socket, connection, names } = makeWorld();
  assert.equal(connection.state.name, "connecting");
  socket.open("me-1");
  socket.lose();
  socket.manage("reconnect_attempt");
  socket.fail("xhr poll error");
  socket.manage("reconnect_attempt");
  socket.open("me-1");
  const all = ["open", "waiting", "connecting", "waiting", "connecting", "open"];
  assert.deepEqual(names, all);
});

test("the transports are those of the present connection", () => {
  const { socket, connection } = makeWorld();
  socket.open("me-1");
  assert.deepEqual(connection.transports, ["polling"]);
  socket.upgrade({ name: "websocket" });
  assert.deepEqual(connection.transports, ["polling", "websocket"]);
  socket.lose();
  socket.open("me-1");
  assert.deepEqual(connection.transports, ["polling"]);
});

test("whether it was recovered is known once it has come back", () => {
  const { socket, connection } = makeWorld();
  socket.open("me-1");
  assert.equal(connection.isRecovered, undefined);
  socket.lose();
  socket.open("me-1", { recovered: true });
  assert.equal(connection.isRecovered, true);
  socket.lose();
  socket.open("me-2");
  assert.equal(connection.isRecovered, false);
});

test("where the server does not want us back it is closed, and says why", () => {
  const { socket, connection } = makeWorld();
  socket.active = false;
  socket.fail("not allowed");
  assert.deepEqual(connection.state, { name: "closed", reason: "not allowed" });
  connection.reconnect();
  assert.equal(connection.state.name, "connecting");
  assert.deepEqual(socket.said, [["disconnect()"], ["connect()"]]);
});

test("retryNow does something only while it waits", () => {
  const { socket, connection } = makeWorld();
  socket.open("me-1");
  connection.retryNow();
  assert.deepEqual(socket.said, []);
  socket.lose();
  connection.retryNow();
  assert.deepEqual(socket.said, [["disconnect()"], ["connect()"]]);
});
