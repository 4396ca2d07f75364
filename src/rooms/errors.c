/*
 * errors.c - the table of errors, by number.
 */
#include "rooms/errors.h"

#include "base/defs.h"

static const struct rooms_error_row {
    const char *code;
    const char *reason;
} rows[] = { [ROOMS_OK] = { "ok", "nothing is wrong" },
#define ROOMS_ERROR_ROW(name, code, reason) [ROOMS_ERR_##name] = { code, reason },
             ROOMS_ERRORS(ROOMS_ERROR_ROW)
#undef ROOMS_ERROR_ROW
};

const char *rooms_error_code(enum rooms_error error)
{
    BELFRY_ASSERT((size_t)error < BELFRY_COUNT(rows));
    return rows[error].code;
}

const char *rooms_error_reason(enum rooms_error error)
{
    BELFRY_ASSERT((size_t)error < BELFRY_COUNT(rows));
    return rows[error].reason;
}
