/*
 * load.h - what generators of load need: clocks, sockets, and a frame of a client. One thread.
 *
 * Include it once, behind `static const char load_name[]`, which complaints begin with.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", load_name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

/* --- clocks ----------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t number_in(const char *path)
{
    uint64_t number = 0;
    FILE *file = fopen(path, "r");
    if (file != NULL && fscanf(file, "%" SCNu64, &number) != 1)
        number = 0;
    if (file != NULL)
        fclose(file);
    return number;
}

/* All living threads together. */
static uint64_t cpu_ns_of(int pid)
{
    char path[400];
    uint64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        die("process %d is gone", pid);
    for (const struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, entry->d_name);
        sum += entry->d_name[0] == '.' ? 0 : number_in(path);
    }
    closedir(tasks);
    return sum;
}

/* --- sockets ---------------------------------------------------------------------------------- */

/* Its port is free again as soon as it is closed. */
static int connect_to(unsigned port)
{
    int on = 1;
    struct linger at_once = { .l_onoff = 1 };
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0)
        die("cannot connect to port %u: %s", port, strerror(errno));
    return fd;
}

/* What is in flight is bounded, so a socket has room for it. */
static void send_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            die("cannot send: %s", strerror(errno));
        bytes += sent;
        size -= (size_t)sent;
    }
}

/* A masked text frame; the mask is zero. Returns its size. */
static size_t put_frame(char *out, const char *text)
{
    size_t size = strlen(text), at = 0;
    out[at++] = (char)0x81;
    if (size < 126) {
        out[at++] = (char)(0x80 | size);
    } else {
        out[at++] = (char)(0x80 | 126);
        out[at++] = (char)(size >> 8);
        out[at++] = (char)size;
    }
    memset(out + at, 0, 4);
    memcpy(out + at + 4, text, size);
    return at + 4 + size;
}

#endif
