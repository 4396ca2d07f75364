/*
 * error.c - the texts of BELFRY_ERRORS, and the end of a failed assertion.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/defs.h"

const char *belfry_strerror(belfry_err err)
{
    switch (err) {
#define ERROR_TEXT(name, value, text) \
    case BELFRY_##name:               \
        return text;
        BELFRY_ERRORS(ERROR_TEXT)
#undef ERROR_TEXT
    }
    return "unknown error";
}

void belfry_assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "belfry: %s:%d: this must hold: %s\n", file, line, what);
    abort();
}
