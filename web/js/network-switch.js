/*
 * network-switch.js - a network that can be unplugged, to watch what happens then.
 *
 *     const network = new NetworkSwitch();
 *     network.install();  // from here on WebSocket and XMLHttpRequest go through it
 *     network.cut();      // open connections are lost, new ones fail
 *     network.restore();  // the next attempt gets through
 *
 * It lies below whoever uses the network and asks nothing of them: Socket.IO's client runs over it as
 * it came from npm. A lost cable sends no close frame to us, so neither does a cut: the connection
 * just ends, 1006.
 */
export class NetworkSwitch extends EventTarget {
  #isCut = false;
  #losses = new Map(); // open connection or request -> what happens to it when the cable is pulled

  get isCut() {
    return this.#isCut;
  }

  cut() {
    this.#isCut = true;
    for (const lose of [...this.#losses.values()]) lose();
    this.dispatchEvent(new Event("change"));
  }

  restore() {
    this.#isCut = false;
    this.dispatchEvent(new Event("change"));
  }

  install(global = globalThis) {
    global.WebSocket = this.#switchedWebSocket(global.WebSocket);
    global.XMLHttpRequest = this.#switchedRequest(global.XMLHttpRequest);
  }

  #use() {
    if (this.#isCut) throw new Error("The network is cut");
  }

  #opened(connection, lose, end) {
    this.#losses.set(connection, lose);
    connection.addEventListener(end, () => this.#losses.delete(connection));
  }

  #switchedWebSocket(WebSocket) {
    const use = () => this.#use();
    const opened = (...args) => this.#opened(...args);
    return class SwitchedWebSocket extends WebSocket {
      constructor(url, protocols) {
        use();
        super(url, protocols);
        const lose = () => {
          this.close();
          this.dispatchEvent(new CloseEvent("close", { code: 1006 }));
        };
        opened(this, lose, "close");
      }
    };
  }

  #switchedRequest(XMLHttpRequest) {
    const use = () => this.#use();
    const opened = (...args) => this.#opened(...args);
    return class SwitchedRequest extends XMLHttpRequest {
      send(body) {
        use();
        opened(this, () => this.abort(), "loadend");
        super.send(body);
      }
    };
  }
}
