/*
 * serve.h - `belfry serve`: a configuration becomes a running server.
 */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include "config/config.h"

/* Runs until a signal; returns the exit code. @assets: the demo's pages. */
int command_serve(int argc, char **argv);

#endif
