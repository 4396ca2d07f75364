/*
 * listener.h - where connections come from.
 *
 * Each worker listens for itself on the same address (SO_REUSEPORT); the kernel spreads.
 * Out of descriptors, accepting pauses for a moment instead of spinning, and recovers by itself.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <sys/socket.h>

#include "net/loop.h"

#define LISTENER_ADDRESS_SIZE 64

struct net_address {
    struct sockaddr_storage storage;
    socklen_t size;
};

/* ":3001", "127.0.0.1:3001", "[::1]:3001", "localhost:3001" with numeric ports. No name look-ups
 * but localhost. An empty host is every address, IPv6 included where the machine has it. */
BELFRY_NODISCARD belfry_err net_address_parse(belfry_bytes text, struct net_address *out);
void net_address_format(const struct net_address *address, char out[LISTENER_ADDRESS_SIZE]);

struct listener_callbacks {
    /* Owns: gets @fd, non-blocking and close-on-exec. */
    void (*on_connection)(void *user, int fd);
    /* Accepting paused: descriptors or memory are out. */
    void (*on_exhausted)(void *user);
    void *user;
};

struct listener {
    struct watch watch;
    struct loop *loop;
    struct timer resume;
    struct listener_callbacks callbacks;
    int reserve_fd; /* given up to accept-and-close when descriptors are out */
};

/*
 * Listens at once, accepts after listener_start. @address gets the real port when it was 0.
 * The first listener of a server is LISTENER_FIRST: SO_REUSEPORT would let it share the address
 * with a program that happens to run already, which nobody wants to find out by missing messages.
 */
enum listener_role { LISTENER_FIRST, LISTENER_FURTHER };

BELFRY_NODISCARD belfry_err listener_init(struct listener *l, struct net_address *address,
                                          enum listener_role role, const char **out_why);
BELFRY_NODISCARD belfry_err listener_start(struct listener *l, struct loop *loop,
                                           const struct listener_callbacks *callbacks);
/* Says @last_words to a connection that nobody will serve, and hangs up. Owns: takes @fd. */
void listener_refuse(int fd, belfry_bytes last_words);

void listener_deinit(struct listener *l); /* stops listening; twice is a no-op */

#endif
