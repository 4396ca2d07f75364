/*
 * 12-socketio-namespaces.c - namespaces: /admin asks for a token, boards are made as clients ask
 * for them, and what an admin announces reaches every board. In the console of
 * http://localhost:3001/:
 *
 *     const { io } = await import("https://cdn.socket.io/4.8.1/socket.io.esm.min.js");
 *     const board = io("/board-7");
 *     board.on("line", (from, to) => console.log("line", from, to));
 *     board.on("announcement", (text) => console.log(text));
 *     const admin = io("/admin", { auth: { token: "let me in" } });    // one connection for both
 *     admin.on("connect_error", (err) => console.log(err.message, err.data));
 *     admin.emit("announce", "we close at six");
 *     board.emit("line", [0, 0], [10, 5]);     // to all others at board 7
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belfry/belfry.h>

static belfry_err check_token(belfry_sock *sock, belfry_msg *auth, void *user)
{
    const char *wanted = user, *token;
    if (belfry_args(auth, "{s:s}", "token", &token) == BELFRY_OK && strcmp(token, wanted) == 0)
        return BELFRY_OK;
    return belfry_refuse(sock, "not authorized", "{s:s}", "hint", "ask for the token");
}

static void on_announce(belfry_sock *sock, belfry_msg *msg, void *boards)
{
    (void)sock;
    belfry_forward(belfry_everyone(boards), "announcement", msg); /* to those of all boards */
}

static void on_line(belfry_sock *sock, belfry_msg *msg, void *user)
{
    belfry_target all = belfry_everyone(belfry_sock_nsp(sock)); /* the board it is at */
    (void)user;
    belfry_forward(belfry_except(all, belfry_sock_id_text(sock)), "line", msg);
}

static void on_board(belfry_nsp *board, void *user)
{
    (void)user;
    printf("new: %s\n", belfry_nsp_name(board));
}

int main(int argc, char **argv)
{
    char *token = getenv("ADMIN_TOKEN");
    belfry *server = belfry_new(&(belfry_options){ .listen = argc > 1 ? argv[1] : ":3001" });
    belfry_nsp *admin = belfry_of(server, "/admin");
    belfry_nsp *boards = belfry_of_pattern(server, "^/board-[0-9]+$");
    belfry_use(admin, check_token, token != NULL ? token : "let me in");
    belfry_on(admin, "announce", on_announce, boards);
    belfry_on(boards, "line", on_line, NULL);
    belfry_on_namespace(server, on_board, NULL);
    int code = belfry_run(server);
    if (code != 0)
        fprintf(stderr, "socketio-namespaces: %s\n", belfry_why(server));
    belfry_free(server);
    return code;
}
