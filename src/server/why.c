/*
 * why.c - the sentence behind belfry_why: one per thread, like errno.
 */
#include <stdarg.h>
#include <stdio.h>

#include "server/server.h"

static _Thread_local char why_text[512];

belfry_err server_why(belfry_err err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why_text, sizeof why_text, format, args);
    va_end(args);
    return err;
}

belfry_err server_outcome(belfry_err err)
{
    return err == BELFRY_OK ? err : server_why(err, "%s", belfry_strerror(err));
}

const char *belfry_why(belfry *server)
{
    (void)server;
    return why_text[0] != '\0' ? why_text : "nothing has failed on this thread";
}
