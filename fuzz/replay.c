/*
 * replay.c - runs a fuzz target over its corpus, so that past inputs are ordinary tests.
 *
 *     corpus-fuzz_ws_decoder fuzz/corpus/fuzz_ws_decoder [more files or folders]
 *
 * libFuzzer brings its own main; this one needs no clang. The empty input always runs too.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The whole file in memory of exactly its size, so that ASan sees a read past the end. */
static uint8_t *read_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (data != NULL && fread(data, 1, size, file) != size) {
        free(data);
        data = NULL;
    }
    (void)fclose(file); /* only read */
    return data;
}

/* Returns how many inputs ran, or -1. */
static int replay_file(const char *path, size_t size)
{
    uint8_t *data = read_file(path, size);
    if (data == NULL) {
        perror(path);
        return -1;
    }
    (void)LLVMFuzzerTestOneInput(data, size); /* it stops the process when it finds something */
    free(data);
    return 1;
}

static int replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        perror(path);
        return -1;
    }
    int count = 0;
    for (struct dirent *entry; count >= 0 && (entry = readdir(folder)) != NULL;) {
        char name[4096];
        struct stat info;
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (stat(name, &info) != 0 || !S_ISREG(info.st_mode))
            continue;
        int ran = replay_file(name, (size_t)info.st_size);
        count = ran < 0 ? -1 : count + ran;
    }
    (void)closedir(folder); /* only read */
    return count;
}

int main(int argc, char **argv)
{
    static const uint8_t nothing[1];
    (void)LLVMFuzzerTestOneInput(nothing, 0);

    int count = 1;
    for (int i = 1; i < argc; i++) {
        struct stat info;
        if (stat(argv[i], &info) != 0) {
            perror(argv[i]);
            return 1;
        }
        int ran = S_ISDIR(info.st_mode) ? replay_folder(argv[i])
                                        : replay_file(argv[i], (size_t)info.st_size);
        if (ran < 0)
            return 1;
        count += ran;
    }
    printf("%d inputs\n", count);
    return 0;
}
