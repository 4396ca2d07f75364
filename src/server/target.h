/*
 * target.h - what emit.c has for those who say something in other ways than an emit.
 */
#ifndef SERVER_TARGET_H
#define SERVER_TARGET_H

#include <belfry/belfry.h>

#include "hub/message.h"

/* Is it one socket, as by belfry_only? */
bool target_is_sock(const belfry_target *target);

/* Is it for this server alone, as by belfry_local? */
bool target_is_local(const belfry_target *target);

/* Rooms and exceptions of @target. Errors: LIMIT, INVALID. */
BELFRY_NODISCARD belfry_err target_fill(const belfry_target *target, struct message_spec *spec);

/* Says what is in @spec (kind, name, args) to @target, whatever that is. */
belfry_err target_say(const belfry_target *target, struct message_spec *spec);

/* May an event be called @name? Errors: INVALID, belfry_why says why. */
BELFRY_NODISCARD belfry_err target_check_event(const belfry_target *target, belfry_bytes name);

#endif
