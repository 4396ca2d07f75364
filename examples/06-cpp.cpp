// 06-cpp.cpp - the same headers in C++17: lambdas as handlers, RAII around the server, and several
// workers. Everybody sees everybody's cursor; what is lost on the way does not matter, since the
// next position follows at once.
#include <atomic>
#include <cstdio>
#include <memory>

#include <belfry/belfry.h>

struct Board {
    belfry_nsp *io = nullptr;
    std::atomic<int> players{ 0 }; // handlers of different sockets run at the same time
};

static void count(Board *board, int change)
{
    board->players += change;
    belfry_emit(belfry_in(board->io, "board"), "players", "i", board->players.load());
}

static belfry_ws_handlers handlers_for(Board &board)
{
    belfry_ws_handlers handlers{};
    handlers.user = &board;
    handlers.max_message_bytes = 256;
    handlers.open = [](belfry_sock *sock, void *user) {
        belfry_join(sock, "board");
        count(static_cast<Board *>(user), +1);
    };
    // A position is JSON that is passed on as it came: {"x":1,"y":2}.
    handlers.message = [](belfry_sock *sock, belfry_type, belfry_bytes position, void *) {
        belfry_target others = belfry_volatile(belfry_to(sock, "board"));
        if (belfry_emit_raw(others, "cursor", static_cast<const char *>(position.data),
                            position.size) == BELFRY_ERR_INVALID)
            belfry_close(sock, 1007, belfry_why(belfry_sock_server(sock)));
    };
    handlers.close = [](belfry_sock *, uint16_t, belfry_bytes, void *user) {
        count(static_cast<Board *>(user), -1);
    };
    return handlers;
}

int main(int argc, char **argv)
{
    belfry_options options{};
    options.listen = argc > 1 ? argv[1] : ":3001";
    options.workers = 2;

    Board board; // before the server: handlers use it until the server is gone
    std::unique_ptr<belfry, decltype(&belfry_free)> server{ belfry_new(&options), belfry_free };
    if (server) {
        board.io = belfry_of(server.get(), "/");
        belfry_ws_handlers handlers = handlers_for(board);
        belfry_ws(server.get(), "/board", &handlers);
    }
    int code = belfry_run(server.get());
    if (code != 0)
        std::fprintf(stderr, "06-cpp: %s\n", belfry_why(server.get()));
    return code;
}
