/*
 * network-switch.js - a network that can be unplugged, to watch what happens then.
 *
 *     const network = new NetworkSwitch();
 *     new ReconnectingSocket(url, [], { WebSocket: network.WebSocket });
 *     network.cut();     // open connections are lost, new ones fail
 *     network.restore(); // the next attempt gets through
 *
 * A lost cable sends no close frame to us, so neither does a cut: the connection just ends, 1006.
 */
export class NetworkSwitch extends EventTarget {
  #isCut = false;
  #sockets = new Set();

  constructor() {
    super();
    this.WebSocket = this.#switchedWebSocket();
  }

  get isCut() {
    return this.#isCut;
  }

  cut() {
    this.#isCut = true;
    for (const socket of this.#sockets) {
      socket.close();
      socket.dispatchEvent(new CloseEvent("close", { code: 1006 }));
    }
    this.dispatchEvent(new Event("change"));
  }

  restore() {
    this.#isCut = false;
    this.dispatchEvent(new Event("change"));
  }

  #switchedWebSocket() {
    const isCut = () => this.#isCut;
    const sockets = this.#sockets;
    return class SwitchedWebSocket extends WebSocket {
      constructor(url, protocols) {
        if (isCut()) throw new Error("The network is cut");
        super(url, protocols);
        sockets.add(this);
        this.addEventListener("close", () => sockets.delete(this));
      }
    };
  }
}
