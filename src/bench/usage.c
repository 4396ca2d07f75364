/*
 * usage.c - reads /proc.
 *
 * The scheduler's own account of each thread (schedstat) is in nanoseconds and exact; utime and
 * stime of /proc/PID/stat come in ticks of 10 ms. smaps_rollup walks the page tables, while statm
 * lags behind by up to a batch of pages per CPU: it matters when a connection costs 100 bytes.
 */
#include "bench/usage.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* Reads a small file into @out as text. */
static bool read_text(const char *path, char *out, size_t capacity)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t size = fread(out, 1, capacity - 1, file);
    out[size] = '\0';
    (void)fclose(file); /* only read */
    return size > 0;
}

static bool thread_cpu_ns(pid_t pid, const char *thread, uint64_t *out_ns)
{
    char path[320], text[128];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid, thread);
    return read_text(path, text, sizeof text) && sscanf(text, "%" SCNu64, out_ns) == 1;
}

static bool threads_cpu_ns(pid_t pid, uint64_t *out_ns)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    if (threads == NULL)
        return false;
    uint64_t total = 0, one = 0;
    bool is_known = false;
    for (struct dirent *entry = readdir(threads); entry != NULL; entry = readdir(threads)) {
        if (entry->d_name[0] != '.' && thread_cpu_ns(pid, entry->d_name, &one)) {
            total += one;
            is_known = true;
        }
    }
    (void)closedir(threads);
    if (is_known)
        *out_ns = total;
    return is_known;
}

/* proc(5): utime and stime are fields 14 and 15; the name before them may contain anything. */
static bool ticks_cpu_ns(pid_t pid, uint64_t *out_ns)
{
    char path[64], text[1024];
    uint64_t user = 0, kernel = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (!read_text(path, text, sizeof text))
        return false;
    const char *after_name = strrchr(text, ')');
    if (after_name == NULL ||
        sscanf(after_name + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
               &user, &kernel) != 2)
        return false;
    *out_ns = (user + kernel) * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
    return true;
}

bool usage_cpu_ns(pid_t pid, uint64_t *out_ns)
{
    return threads_cpu_ns(pid, out_ns) || ticks_cpu_ns(pid, out_ns);
}

static uint64_t timeval_ns(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u;
}

uint64_t usage_own_cpu_ns(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage); /* cannot fail for ourselves */
    return timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime);
}

bool usage_resident_bytes(pid_t pid, uint64_t *out_bytes)
{
    char path[64], text[4096];
    uint64_t number = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    if (read_text(path, text, sizeof text)) {
        const char *rss = strstr(text, "\nRss:");
        if (rss != NULL && sscanf(rss, "\nRss: %" SCNu64, &number) == 1) {
            *out_bytes = number * 1024;
            return true;
        }
    }
    (void)snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    if (!read_text(path, text, sizeof text) || sscanf(text, "%*u %" SCNu64, &number) != 1)
        return false;
    *out_bytes = number * (uint64_t)sysconf(_SC_PAGESIZE);
    return true;
}
