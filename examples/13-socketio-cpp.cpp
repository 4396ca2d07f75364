// 13-socketio-cpp.cpp - Socket.IO in C++17: an auction, with lambdas as handlers and two workers.
// The lock makes "is it higher, and say so" one step; emits do not block, so it may be held
// meanwhile. In the console of http://localhost:3001/:
//
//     const { io } = await import("https://cdn.socket.io/4.8.1/socket.io.esm.min.js");
//     const socket = io({ query: { name: "ada" } });
//     socket.on("highest", (bid, name) => console.log(bid, name));
//     console.log(await socket.emitWithAck("bid", 100));       // { accepted: true }
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>

#include <belfry/belfry.h>

struct Auction {
    belfry_nsp *io = nullptr;
    std::mutex lock; // guards all below: handlers of different sockets run at the same time
    double highest = 0;
    std::string holder = "nobody";

    bool offer(double bid, const char *name)
    {
        std::lock_guard guard(lock);
        if (!(bid > highest))
            return false;
        highest = bid;
        holder = name;
        return belfry_emit(belfry_everyone(io), "highest", "fs", bid, name) == BELFRY_OK;
    }

    void tell(belfry_sock *newcomer)
    {
        std::lock_guard guard(lock);
        belfry_emit(belfry_only(newcomer), "highest", "fs", highest, holder.c_str());
    }
};

static void add_handlers(Auction &auction)
{
    belfry_on(
        auction.io, "connection",
        [](belfry_sock *sock, belfry_msg *, void *user) {
            static_cast<Auction *>(user)->tell(sock);
        },
        &auction);
    belfry_on(
        auction.io, "bid",
        [](belfry_sock *sock, belfry_msg *msg, void *user) {
            double bid = 0;
            const char *name = belfry_sock_query(sock, "name"); // lives as long as this callback
            if (belfry_args(msg, "F", &bid) != BELFRY_OK)
                belfry_ack(msg, "{s:s}", "error", belfry_why(belfry_sock_server(sock)));
            else
                belfry_ack(msg, "{s:b}", "accepted",
                           static_cast<Auction *>(user)->offer(bid, name ? name : "somebody"));
        },
        &auction);
}

int main(int argc, char **argv)
{
    belfry_options options{};
    options.listen = argc > 1 ? argv[1] : ":3001";
    options.workers = 2;

    Auction auction; // before the server: handlers use it until the server is gone
    std::unique_ptr<belfry, decltype(&belfry_free)> server{ belfry_new(&options), belfry_free };
    auction.io = belfry_of(server.get(), "/");
    add_handlers(auction);
    int code = belfry_run(server.get());
    if (code != 0)
        std::fprintf(stderr, "13-socketio-cpp: %s\n", belfry_why(server.get()));
    return code;
}
