/*
 * socketio-connection.js - what Socket.IO's client is doing, for showing it.
 *
 *     const connection = new SocketIoConnection(io());
 *     connection.addEventListener("statechange", () => console.log(connection.state.name));
 *
 * States and methods are those of ReconnectingSocket. The client does not tell when it will try
 * again: `waiting` has no `retryAt`.
 */
export class SocketIoConnection extends EventTarget {
  #socket;
  #state = { name: "connecting" };
  #transports = []; // of the present connection, in the order of use
  #isRecovered; // undefined until it has come back once
  #hasBeenOpen = false;

  constructor(socket) {
    super();
    this.#socket = socket;
    const manager = socket.io;
    socket.on("connect", () => this.#connected());
    socket.on("disconnect", (reason) => this.#lost(reason));
    socket.on("connect_error", (error) => this.#lost(error.message));
    manager.on("reconnect_attempt", () => this.#enter({ name: "connecting" }));
    manager.on("open", () => this.#opened(manager.engine));
  }

  get state() {
    return this.#state;
  }

  /** How it is connected: ["polling", "websocket"] after an upgrade. */
  get transports() {
    return this.#transports;
  }

  /** Whether the server still knew the session when we came back; undefined if we never did. */
  get isRecovered() {
    return this.#isRecovered;
  }

  close() {
    this.#socket.disconnect();
    this.#enter({ name: "closed", reason: "" });
  }

  /** Tries at once. Does nothing while connecting or open. */
  retryNow() {
    if (this.#state.name === "waiting") this.reconnect();
  }

  /** Gives up the connection, if any, and makes a new one. */
  reconnect() {
    this.#socket.disconnect();
    this.#enter({ name: "connecting" });
    this.#socket.connect();
  }

  #opened(engine) {
    this.#transports = [engine.transport.name];
    engine.on("upgrade", (transport) => {
      this.#transports.push(transport.name);
      this.#fire();
    });
  }

  #connected() {
    if (this.#hasBeenOpen) this.#isRecovered = this.#socket.recovered;
    this.#hasBeenOpen = true;
    this.#enter({ name: "open" });
  }

  /* The client tries again by itself, unless the server has said that it should not. */
  #lost(reason) {
    this.#enter(this.#socket.active ? { name: "waiting" } : { name: "closed", reason });
  }

  #enter(state) {
    this.#state = state;
    this.#fire();
  }

  #fire() {
    this.dispatchEvent(new Event("statechange"));
  }
}
