/*
 * Client.java - Socket.IO's own Java client against the fixture: Client polling|websocket|upgrade
 *
 * INTEROP_URL is where the fixture is. A line per check; exits with 1 if one failed.
 */
import io.socket.client.Ack;
import io.socket.client.IO;
import io.socket.client.Manager;
import io.socket.client.Socket;
import io.socket.engineio.client.transports.WebSocket;
import java.net.URI;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.json.JSONArray;
import org.json.JSONObject;

public class Client {
    private static final int LIMIT_S = 10;
    private static final int MANY = 200;
    private static final String URL = System.getenv("INTEROP_URL");

    private static String way;
    private static boolean hasFailed = false;

    private interface Check {
        void run() throws Exception;
    }

    public static void main(String[] args) {
        way = args[0];
        check("text there and back", Client::text);
        check("binary there and back", Client::binary);
        check("many in order", Client::many);
        check("acks of the server", Client::acksOfTheServer);
        check("acks of the client", Client::acksOfTheClient);
        check("namespaces on one connection", Client::namespaces);
        check("a refusal with data", Client::refusal);
        check("rooms", Client::rooms);
        check("the server disconnects", Client::disconnection);
        check("the transport", Client::transport);
        System.exit(hasFailed ? 1 : 0);
    }

    private static void check(String name, Check body) {
        try {
            body.run();
            System.out.println("ok    " + name);
        } catch (Throwable problem) {
            hasFailed = true;
            System.out.println("FAIL  " + name + "\n      " + problem);
            for (StackTraceElement line : problem.getStackTrace()) {
                System.out.println("        " + line);
            }
        }
    }

    private static void text() throws Exception {
        Socket socket = open("/", Map.of("token", "abc"));
        BlockingQueue<Object[]> told = listen(socket, "message-back");
        JSONObject object = new JSONObject("{\"3\":[true,null,-0.5]}");
        socket.emit("message", 1, "2", object, "€😀");
        expect(array(1, "2", object, "€😀"), array(take(told)));
        JSONObject handshake = (JSONObject) ask(socket, "handshake")[0];
        expect(socket.id(), handshake.getString("id"));
        expect("abc", handshake.getJSONObject("auth").getString("token"));
        socket.disconnect();
    }

    private static void binary() throws Exception {
        Socket socket = open("/", null);
        BlockingQueue<Object[]> back = listen(socket, "message-back");
        JSONObject nested = new JSONObject().put("a", new byte[] {1});
        socket.emit("message", new byte[] {0, -1}, nested);
        Object[] got = take(back);
        expect("[0, -1]", Arrays.toString((byte[]) got[0]));
        expect("[1]", Arrays.toString((byte[]) ((JSONObject) got[1]).get("a")));
        BlockingQueue<Object[]> made = listen(socket, "binary");
        socket.emit("make-binary", 4);
        expect("[0, 1, 2, 3]", Arrays.toString((byte[]) take(made)[0]));
        socket.disconnect();
    }

    private static void many() throws Exception {
        Socket socket = open("/", null);
        BlockingQueue<Object[]> back = listen(socket, "message-back");
        for (int n = 0; n < MANY; n++) {
            if (n % 5 == 0) socket.emit("message", n, new byte[] {(byte) n});
            else socket.emit("message", n);
        }
        for (int n = 0; n < MANY; n++) {
            Object[] got = take(back);
            expect(n, got[0]);
            expect(n % 5 == 0 ? 2 : 1, got.length);
        }
        socket.disconnect();
    }

    private static void acksOfTheServer() throws Exception {
        Socket socket = open("/", null);
        Object[] answer = ask(socket, "message-with-ack", "one", new byte[] {7});
        expect("one", answer[0]);
        expect("[7]", Arrays.toString((byte[]) answer[1]));
        socket.disconnect();
    }

    private static void acksOfTheClient() throws Exception {
        Socket socket = open("/", null);
        socket.on("call", args -> ((Ack) args[1]).call(args[0], 42));
        BlockingQueue<Object[]> result = listen(socket, "call-result");
        socket.emit("call-me", "how much?");
        expect(array("how much?", 42), array(take(result)));
        socket.disconnect();
    }

    private static void namespaces() throws Exception {
        Socket main = open("/", null);
        Manager manager = main.io();
        List<Socket> others = new ArrayList<>();
        for (String name : new String[] {"/custom", "/dyn-3"}) {
            Socket socket = manager.socket(name);
            BlockingQueue<Object[]> connected = listen(socket, Socket.EVENT_CONNECT);
            socket.connect();
            take(connected);
            others.add(socket);
        }
        for (Socket socket : others) {
            BlockingQueue<Object[]> back = listen(socket, "message-back");
            socket.emit("message", socket.id());
            expect(socket.id(), take(back)[0]);
        }
        for (Socket socket : others) socket.disconnect();
        ask(main, "message-with-ack");
        main.disconnect();
    }

    private static void refusal() throws Exception {
        Socket socket = make("/auth", Map.of("token", "no"));
        BlockingQueue<Object[]> refused = listen(socket, Socket.EVENT_CONNECT_ERROR);
        socket.connect();
        JSONObject error = (JSONObject) take(refused)[0];
        expect("not authorized", error.getString("message"));
        expect("Please retry later", error.getJSONObject("data").getString("content"));
        open("/auth", Map.of("token", "ok")).disconnect();
    }

    private static void rooms() throws Exception {
        Socket one = open("/", null);
        Socket other = open("/", null);
        BlockingQueue<Object[]> heard = listen(one, "room-message");
        ask(one, "join", "java-" + way);
        ask(other, "to-room", "java-" + way, "hi");
        expect(array("hi"), array(take(heard)));
        one.disconnect();
        other.disconnect();
    }

    private static void disconnection() throws Exception {
        Socket socket = open("/", null);
        BlockingQueue<Object[]> word = listen(socket, "last-words");
        BlockingQueue<Object[]> end = listen(socket, Socket.EVENT_DISCONNECT);
        socket.emit("bye");
        take(word);
        expect("io server disconnect", take(end)[0]);
        socket.io().reconnection(false);
    }

    private static void transport() throws Exception {
        Socket socket = open("/", null);
        String wanted = way.equals("polling") ? "polling" : WebSocket.NAME;
        String found = "";
        for (int tries = 0; tries < 500 && !found.equals(wanted); tries++) {
            Thread.sleep(10);
            found = (String) ask(socket, "transport")[0];
        }
        expect(wanted, found);
        socket.disconnect();
    }

    /* ---- the words of the checks ---- */

    private static Socket make(String namespace, Map<String, String> auth) {
        IO.Options options = new IO.Options();
        options.forceNew = true;
        options.reconnection = false;
        options.auth = auth;
        options.transports =
                way.equals("upgrade") ? new String[] {"polling", "websocket"} : new String[] {way};
        return IO.socket(URI.create(URL + namespace), options);
    }

    private static Socket open(String namespace, Map<String, String> auth) throws Exception {
        Socket socket = make(namespace, auth);
        BlockingQueue<Object[]> connected = listen(socket, Socket.EVENT_CONNECT);
        socket.connect();
        take(connected);
        return socket;
    }

    private static BlockingQueue<Object[]> listen(Socket socket, String event) {
        BlockingQueue<Object[]> heard = new LinkedBlockingQueue<>();
        socket.on(event, heard::add);
        return heard;
    }

    private static Object[] ask(Socket socket, String event, Object... args) throws Exception {
        BlockingQueue<Object[]> answer = new LinkedBlockingQueue<>();
        socket.emit(event, args, (Ack) answer::add);
        return take(answer);
    }

    private static Object[] take(BlockingQueue<Object[]> queue) throws Exception {
        Object[] taken = queue.poll(LIMIT_S, TimeUnit.SECONDS);
        if (taken == null) throw new Exception("waited in vain");
        return taken;
    }

    private static String array(Object... items) {
        return new JSONArray(Arrays.asList(items)).toString();
    }

    private static void expect(Object wanted, Object got) throws Exception {
        if (!wanted.equals(got)) throw new Exception("wanted " + wanted + ", got " + got);
    }
}
