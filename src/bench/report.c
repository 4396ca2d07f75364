/*
 * report.c - a few aligned lines, or one JSON object.
 *
 * CPU seconds per million messages is the figure that survives a shared machine: messages per
 * second also measure the neighbours.
 */
#include "bench/report.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "bench/bench.h"
#include "bench/usage.h"

static bool read_meter(struct meter *m, pid_t pid)
{
    *m = (struct meter){ .wall_ns = clock_monotonic_ns(), .own_cpu_ns = usage_own_cpu_ns() };
    if (pid == 0 || usage_cpu_ns(pid, &m->server_cpu_ns))
        return true;
    return bench_complain("no process %d, or /proc does not show it: check --pid", (int)pid);
}

bool meter_begin(struct meter *m, pid_t pid)
{
    return read_meter(m, pid);
}

bool meter_end(struct meter *m, pid_t pid)
{
    struct meter now;
    if (!read_meter(&now, pid))
        return false;
    *m = (struct meter){
        .wall_ns = now.wall_ns - m->wall_ns,
        /* a thread that ended in between takes its account with it */
        .server_cpu_ns = now.server_cpu_ns - BELFRY_MIN(m->server_cpu_ns, now.server_cpu_ns),
        .own_cpu_ns = now.own_cpu_ns - m->own_cpu_ns,
    };
    return true;
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

/* CPU microseconds for each message are CPU seconds for a million of them. */
static double per_million(uint64_t cpu_ns, uint64_t messages)
{
    return ratio((double)cpu_ns / 1e3, (double)messages);
}

static double per_second(uint64_t count, const struct meter *m)
{
    return ratio((double)count, (double)m->wall_ns / 1e9);
}

static double quantile_ms(const struct report *r, double quantile)
{
    return (double)histogram_quantile(&r->latency, quantile) / 1e6;
}

/* Memory per connection beyond the first mark: what a process costs before that says nothing. */
static double bytes_per_further(const struct report *r)
{
    if (r->mark_count < 2)
        return 0;
    const struct mark *first = &r->marks[0], *last = &r->marks[r->mark_count - 1];
    return ratio((double)last->resident_bytes - (double)first->resident_bytes,
                 (double)(last->connections - first->connections));
}

static const char *mode_name(enum bench_mode mode)
{
    switch (mode) {
    case BENCH_ECHO:
        return "echo";
    case BENCH_FANOUT:
        return "fanout";
    case BENCH_CONNECT:
        return "connect";
    case BENCH_IDLE:
        return "idle";
    }
    BELFRY_UNREACHABLE("every mode has a name");
}

/* --- for people ----------------------------------------------------------------------------- */

static const char *protocol_name(const struct bench_options *o)
{
    if (!o->is_socketio)
        return o->is_raw ? "TCP" : "WebSocket";
    return o->is_upgraded ? "Socket.IO, upgraded from polling" : "Socket.IO";
}

static void print_load(const struct bench_options *o)
{
    switch (o->mode) {
    case BENCH_ECHO:
        printf("  load         %u connections, %u B of %s, %u in flight on each\n", o->connections,
               o->message_bytes,
               o->is_binary    ? "binary"
               : o->wants_acks ? "text by ack"
                               : "text",
               o->depth);
        break;
    case BENCH_FANOUT:
        printf("  load         %u members, %u B of text, %u sender%s with %u in flight\n",
               o->connections, o->message_bytes, o->senders, o->senders == 1 ? "" : "s", o->depth);
        break;
    case BENCH_CONNECT:
        printf("  load         %u connections at a time, closed as soon as they are open\n",
               o->connections);
        break;
    case BENCH_IDLE:
        printf("  load         %u idle connections, held %.1f s\n", o->connections,
               o->duration_ms / 1e3);
        break;
    }
}

static void print_cpu_of(const char *whose, uint64_t cpu_ns, const struct report *r)
{
    bool is_connect = r->options->mode == BENCH_CONNECT;
    printf("  %-12s %.3f s per %s (%.0f %% of a core)\n", whose,
           per_million(cpu_ns, r->messages) / (is_connect ? 1000 : 1),
           is_connect ? "thousand connections" : "million messages",
           100 * ratio((double)cpu_ns, (double)r->measured.wall_ns));
}

static void print_cpu(const struct report *r)
{
    if (r->options->pid == 0)
        printf("  server CPU   not measured: give the server's --pid\n");
    else
        print_cpu_of("server CPU", r->measured.server_cpu_ns, r);
    print_cpu_of("own CPU", r->measured.own_cpu_ns, r);
}

static void print_traffic(const struct report *r)
{
    if (r->options->mode == BENCH_FANOUT)
        printf("  rate         %.0f deliveries/s of %.0f messages/s\n",
               per_second(r->messages, &r->measured), per_second(r->published, &r->measured));
    else
        printf("  rate         %.0f %s/s\n", per_second(r->messages, &r->measured),
               r->options->mode == BENCH_CONNECT ? "connections" : "messages");
    printf("  latency      p50 %.3f ms   p99 %.3f ms   p99.9 %.3f ms   max %.3f ms\n",
           quantile_ms(r, 0.5), quantile_ms(r, 0.99), quantile_ms(r, 0.999),
           (double)r->latency.max / 1e6);
    print_cpu(r);
}

static void print_memory(const struct report *r)
{
    for (uint32_t i = 0; i < r->mark_count; i++)
        printf("  memory       %.1f MiB resident with %u connections\n",
               (double)r->marks[i].resident_bytes / (1 << 20), r->marks[i].connections);
    if (r->mark_count >= 2)
        printf("  memory       %.0f B for each further connection\n", bytes_per_further(r));
    if (r->mark_count == 0)
        printf("  memory       not measured: give the server's --pid\n");
}

static void print_opening(const struct report *r)
{
    uint32_t count = r->options->connections;
    printf("  connecting   %.0f connections/s", per_second(count, &r->opening));
    if (r->options->pid != 0)
        printf(", %.3f s of server CPU per thousand",
               ratio((double)r->opening.server_cpu_ns / 1e6, count));
    printf("\n");
}

static void print_text(const struct report *r)
{
    printf("%s %s (%s)\n", mode_name(r->options->mode), r->options->url, protocol_name(r->options));
    print_load(r->options);
    if (r->options->mode != BENCH_CONNECT)
        print_opening(r);
    if (r->options->mode == BENCH_IDLE)
        print_memory(r);
    else
        print_traffic(r);
}

/* --- for scripts ---------------------------------------------------------------------------- */

static void print_json_meter(const char *name, const struct meter *m)
{
    printf(", \"%s\": {\"seconds\": %.6f, \"server_cpu_seconds\": %.9f, \"own_cpu_seconds\": %.6f}",
           name, (double)m->wall_ns / 1e9, (double)m->server_cpu_ns / 1e9,
           (double)m->own_cpu_ns / 1e9);
}

static void print_json_marks(const struct report *r)
{
    printf(", \"marks\": [");
    for (uint32_t i = 0; i < r->mark_count; i++)
        printf("%s{\"connections\": %u, \"resident_bytes\": %" PRIu64 "}", i == 0 ? "" : ", ",
               r->marks[i].connections, r->marks[i].resident_bytes);
    printf("], \"bytes_per_further_connection\": %.1f", bytes_per_further(r));
}

static void print_json(const struct report *r)
{
    const struct bench_options *o = r->options;
    printf("{\"mode\": \"%s\", \"connections\": %u, \"size\": %u, \"depth\": %u, \"senders\": %u",
           mode_name(o->mode), o->connections, o->message_bytes, o->depth, o->senders);
    print_json_meter("opening", &r->opening);
    print_json_meter("measured", &r->measured);
    printf(", \"messages\": %" PRIu64 ", \"published\": %" PRIu64, r->messages, r->published);
    printf(", \"latency_ms\": {\"p50\": %.4f, \"p99\": %.4f, \"p99.9\": %.4f, \"max\": %.4f}",
           quantile_ms(r, 0.5), quantile_ms(r, 0.99), quantile_ms(r, 0.999),
           (double)r->latency.max / 1e6);
    printf(", \"server_cpu_per_million\": %.6f, \"own_cpu_per_million\": %.6f",
           per_million(r->measured.server_cpu_ns, r->messages),
           per_million(r->measured.own_cpu_ns, r->messages));
    print_json_marks(r);
    printf("}\n");
}

void report_print(const struct report *r)
{
    if (r->options->wants_json)
        print_json(r);
    else
        print_text(r);
}
