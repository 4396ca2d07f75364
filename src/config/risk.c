/*
 * risk.c - what `belfry check` tells about a configuration that is valid.
 *
 * Each risk is a condition and a sentence: what it means for whom, and what to do instead.
 */
#include "config/risk.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct list {
    struct config_risk *risks;
    size_t count;
};

static void add(struct list *l, const char *setting, const char *format, ...) BELFRY_PRINTF(3, 4);

static void add(struct list *l, const char *setting, const char *format, ...)
{
    BELFRY_ASSERT(l->count < CONFIG_MAX_RISKS);
    struct config_risk *risk = &l->risks[l->count++];
    risk->setting = setting;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(risk->text, sizeof risk->text, format, args);
    va_end(args);
}

/* --- addresses and lists ------------------------------------------------------------------------
 */

/* The next of the comma-separated items of @*rest, without blanks around it; moves @*rest on. */
static belfry_bytes take_item(const char **rest)
{
    const char *start = *rest + strspn(*rest, " ");
    size_t size = strcspn(start, ",");
    *rest = start + size + (start[size] == ',');
    while (size > 0 && start[size - 1] == ' ')
        size--;
    return bytes_of(start, size);
}

static bool starts_with(belfry_bytes text, const char *start)
{
    return text.size >= strlen(start) && memcmp(text.data, start, strlen(start)) == 0;
}

/* ":3001", "0.0.0.0:3001" and "example.com:3001" are public; the loopback's names are not. */
static bool is_public_address(belfry_bytes address)
{
    static const char *const private_starts[] = { "127.", "[::1]", "localhost:", "unix:", "/" };
    for (const char *const *start = private_starts; start != BELFRY_END(private_starts); start++) {
        if (starts_with(address, *start))
            return false;
    }
    return address.size > 0;
}

bool config_is_public(const char *addresses)
{
    while (*addresses != '\0') {
        if (is_public_address(take_item(&addresses)))
            return true;
    }
    return false;
}

static bool has_item(const char *items, const char *wanted)
{
    while (*items != '\0') {
        if (bytes_equal_text(take_item(&items), wanted))
            return true;
    }
    return false;
}

/* --- the risks ----------------------------------------------------------------------------------
 */

static void add_access_risks(struct list *l, const struct config *c, bool is_public)
{
    const belfry_options *options = &c->options;
    if (c->demo && is_public)
        add(l, "demo",
            "anyone who reaches %s may join, read and publish under any name; "
            "listen on 127.0.0.1:3001 for a demo on this machine",
            options->listen);
    if (has_item(options->origins, "*"))
        add(l, "origins",
            "pages of any site may connect as their visitors; list your own sites instead");
    if (has_item(options->origins, "*") && options->cors_credentials)
        add(l, "cors_credentials",
            "browsers send no cookies to a server that allows any site; list your sites in "
            "origins");
    if (options->allow_eio3)
        add(l, "allow_eio3",
            "other clients see the ids of Socket.IO 2 clients, and whoever knows the id of one can "
            "send as it; for as long as there are such clients");
    if (*c->ops_listen == '\0' && is_public)
        add(l, "ops_listen",
            "/metrics and /readyz are on the public address too; "
            "ops_listen 127.0.0.1:3002 moves them");
    else if (config_is_public(c->ops_listen))
        add(l, "ops_listen", "%s serves /metrics to everyone who reaches it", c->ops_listen);
}

static void add_tls_risks(struct list *l, const struct config *c, bool is_public)
{
    const belfry_options *options = &c->options;
    if (options->tls_self_signed)
        add(l, "tls_self_signed",
            "browsers refuse the certificate until told otherwise, and a new one is made at each "
            "start; for development only");
    else if (*options->tls_cert == '\0' && is_public)
        add(l, "tls_cert",
            "without TLS messages travel readable; fine behind a proxy that speaks TLS");
}

/* zlib at memLevel 8: a deflate and an inflate state (zconf.h); what one connection may keep. */
static uint64_t dedicated_bytes(uint32_t window_bits)
{
    return (UINT64_C(1) << (window_bits + 2)) + (UINT64_C(1) << 17) + (UINT64_C(1) << 15);
}

static void add_resource_risks(struct list *l, const struct config *c)
{
    const belfry_options *options = &c->options;
    uint64_t each = dedicated_bytes(options->deflate_window_bits);
    if (options->deflate == BELFRY_DEFLATE_DEDICATED && options->max_connections > 1000)
        add(l, "deflate",
            "dedicated costs up to %" PRIu64 " KiB for each connection that sends: %" PRIu64
            " MiB per worker at max_connections %" PRIu32 "; shared costs one per worker",
            each >> 10, (each * options->max_connections) >> 20, options->max_connections);
    else if (options->deflate == BELFRY_DEFLATE_DEDICATED && options->max_connections == 0)
        add(l, "deflate",
            "dedicated costs up to %" PRIu64 " KiB for each connection that sends; set "
            "max_connections to what memory allows, or use shared",
            each >> 10);
    if (options->ping_interval_ms == BELFRY_OFF)
        add(l, "ping_interval_ms",
            "without pings a client that lost its network stays a member until something is sent "
            "to it");
    if (options->keep_alive_timeout_ms == BELFRY_OFF)
        add(l, "keep_alive_timeout_ms", "idle HTTP connections stay until max_connections is full");
    if (options->workers > config_usable_cores())
        add(l, "workers", "%" PRIu32 " workers share %u usable cores; more is not faster",
            options->workers, config_usable_cores());
}

/* Is it on this machine, or over TLS? */
static bool is_private_redis(const char *url)
{
    const char *host = strstr(url, "://");
    if (strncmp(url, "rediss", 6) == 0 || strstr(url, "+unix://") != NULL || host == NULL)
        return true;
    const char *at = strchr(host, '@');
    belfry_bytes name = bytes_of_text(at != NULL ? at + 1 : host + 3);
    return starts_with(name, "localhost") || starts_with(name, "127.") ||
           starts_with(name, "[::1]");
}

static void add_cluster_risks(struct list *l, const struct config *c)
{
    const char *url = c->options.cluster;
    if (*url == '\0')
        return;
    if (!is_private_redis(url))
        add(l, "cluster", "what servers say to each other travels readable; rediss:// is TLS");
    if (strchr(url, '@') == NULL && !is_private_redis(url))
        add(l, "cluster",
            "without a password whoever reaches that Redis speaks to every client of every server");
}

size_t config_risks(const struct config *c, struct config_risk out_risks[CONFIG_MAX_RISKS])
{
    struct list l = { .risks = out_risks };
    bool is_public = config_is_public(c->options.listen);
    add_access_risks(&l, c, is_public);
    add_tls_risks(&l, c, is_public);
    add_resource_risks(&l, c);
    add_cluster_risks(&l, c);
    return l.count;
}
